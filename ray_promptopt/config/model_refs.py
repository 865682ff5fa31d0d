"""The policy model and the model that writes prompts, from their tables."""

from collections.abc import Mapping

from ray_promptopt.config.aliases import Aliases
from ray_promptopt.config.build import build
from ray_promptopt.config.gather import (
    Gathered,
    Problems,
    gather,
    paths_of,
    refuse_unknown,
)
from ray_promptopt.config.keys import FALLBACK, POLICY
from ray_promptopt.config.models import (
    EMBEDDED,
    FREE_NAMES,
    PROVIDERS,
    WRITER,
    ModelRefused,
    ResolvedModel,
    Role,
    is_nano,
    resolve_model,
)
from ray_promptopt.config.schema import ModelRef

REFLECTION_TEMPERATURE = 1.0
"""Of the model that writes prompts when the config names none: proposals should differ."""

POLICY_DEFAULTS = {"temperature": 0.0, "max_completion_tokens": 512}
"""Those of the contract; task apps have others of their own, which a config must not depend on."""

REFLECTION_KEY = {"gepa": "gepa.mutation.llm_model", "mipro": "mipro.meta_model"}

_WITHOUT_EFFECT = {
    "policy_name": "task apps are told ray_promptopt; remove it",
    "max_steps": "the task app decides how many model calls it makes; set it there",
}

_OWN_URL = (FREE_NAMES, EMBEDDED)
_PREFIX = "policy."
_FALLBACKS = "fallbacks"


def read_policy(table: object, aliases: Aliases, problems: Problems) -> ModelRef | None:
    """The policy model; None, with the faults noted, when it cannot be used."""
    if not isinstance(table, Mapping):
        problems.add("policy", table, "add a [policy] table with model and provider")
        return None
    known = [*paths_of(POLICY), _FALLBACKS]
    refuse_unknown(table, known, prefix=_PREFIX, problems=problems)
    given = gather(table, POLICY, prefix=_PREFIX, problems=problems)
    mode = given.values.pop("inference_mode", None)
    if mode not in (None, "synth_hosted"):
        problems.add("policy.inference_mode", mode, 'leave it out, or "synth_hosted"')
    _refuse_urls(given, problems)
    for name, remedy in _WITHOUT_EFFECT.items():
        value = given.values.pop(name, None)
        if value is not None:
            problems.warnings.append(f"{given.key(name)} = {value!r}: without effect: {remedy}")
    for name, default in POLICY_DEFAULTS.items():
        given.values.setdefault(name, default)
    aliases.apply(given)
    return _model_ref(given, "policy", problems)


def read_fallbacks(
    policy_table: object, policy: ModelRef | None, aliases: Aliases, problems: Problems
) -> tuple[ModelRef, ...]:
    """The models that stand in for the policy model, in order."""
    tables = policy_table.get(_FALLBACKS, []) if isinstance(policy_table, Mapping) else []
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        problems.add(f"{_PREFIX}{_FALLBACKS}", tables, "give a list of tables, each of one model")
        return ()
    found: list[ModelRef] = [policy] if policy is not None else []
    for number, table in enumerate(tables):
        prefix = f"{_PREFIX}{_FALLBACKS}[{number}]."
        refuse_unknown(table, paths_of(FALLBACK), prefix=prefix, problems=problems)
        given = gather(table, FALLBACK, prefix=prefix, problems=problems)
        if "base_url" in given.values:
            _refuse_urls(given, problems)
        aliases.apply(given)
        model = _model_ref(given, "policy", problems)
        if model is None:
            continue
        if _address(model) in map(_address, found):
            remedy = "is asked before already; name another model or server"
            problems.add(given.key("model"), model.model, remedy)
        found.append(model)
    if tables:
        problems.warnings.append(
            f"{_PREFIX}{_FALLBACKS}: where one of them answers, a candidate is scored by another "
            "model than the policy model; each such call is noted in its trace"
        )
    return tuple(found[1:] if policy is not None else found)


def _address(model: ModelRef) -> tuple[str, str, str | None]:
    return model.provider, model.model, model.base_url


def read_reflection(
    given: Gathered,
    policy: ModelRef | None,
    algorithm: str,
    aliases: Aliases,
    problems: Problems,
) -> ModelRef | None:
    """The mutation or meta model; without one in the config, what suits the policy model."""
    given.values.setdefault("temperature", REFLECTION_TEMPERATURE)
    if "model" in given.values:
        aliases.apply(given)
        if given.values.get("provider") not in _OWN_URL and given.values.get("base_url"):
            key = given.key("base_url")
            problems.warnings.append(f"{key}: only used with provider {' or '.join(_OWN_URL)}")
            del given.values["base_url"]
        return _model_ref(given, "reflection", problems)
    if policy is None:
        return None
    if is_nano(policy.model) and policy.provider != EMBEDDED:
        problems.add(
            REFLECTION_KEY[algorithm],
            None,
            f"{policy.model} is too small to write prompts; name a larger model here",
        )
        return None
    if policy.provider == EMBEDDED:
        given.values.update(model=WRITER, provider=EMBEDDED, base_url=policy.base_url)
    else:
        given.values.update(model=policy.model, provider=policy.provider, base_url=policy.base_url)
    return build(ModelRef, given, problems)


def _refuse_urls(given: Gathered, problems: Problems) -> None:
    for name in ("inference_url", "api_base", "base_url"):
        if name not in given.values:
            continue
        provider = str(given.values.get("provider", "")).strip().lower()
        if name == "base_url" and provider in _OWN_URL:
            continue
        problems.add(
            given.key(name),
            given.values.pop(name),
            f"remove it: each rollout is given its URL ({FREE_NAMES} takes a base_url)",
        )


def _model_ref(given: Gathered, role: Role, problems: Problems) -> ModelRef | None:
    resolved = _resolve(given, role, problems)
    if resolved is None:
        return None
    if resolved.warning:
        problems.warnings.append(f"{given.key('model')}: {resolved.warning}")
    given.values.update(provider=resolved.provider, model=resolved.model)
    url = given.values.get("base_url")
    if resolved.provider == FREE_NAMES and url is None:
        problems.add(given.key("base_url"), None, f"{FREE_NAMES} needs the URL of its server")
    if url is not None and not str(url).startswith(("http://", "https://")):
        problems.add(given.key("base_url"), url, "must begin with http:// or https://")
    return build(ModelRef, given, problems)


def _resolve(given: Gathered, role: Role, problems: Problems) -> ResolvedModel | None:
    missing = [name for name in ("model", "provider") if not given.values.get(name)]
    for name in missing:
        allowed = "name a model" if name == "model" else f"give one of {', '.join(PROVIDERS)}"
        problems.add(given.key(name), None, allowed)
    if missing:
        return None
    model, provider = str(given.values["model"]), str(given.values["provider"])
    try:
        return resolve_model(provider, model, role)
    except ModelRefused as refused:
        faulty = "model" if provider.strip().lower() in PROVIDERS else "provider"
        problems.add(given.key(faulty), given.values[faulty], str(refused))
        return None
