"""`[model_aliases]`: names that a config may use for models that its client does not allow.

`"gpt-4o-mini" = "groq/gpt-oss-20b"`, or a table with provider, model and base_url.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ray_promptopt.config.gather import Gathered, Problems, gather, paths_of, refuse_unknown
from ray_promptopt.config.keys import ALIAS
from ray_promptopt.config.models import (
    EMBEDDED,
    FREE_NAMES,
    PROVIDERS,
    ModelRefused,
    Role,
    bare_name,
    resolve_model,
)

_KEY = "model_aliases"
_HOW = 'write "provider/model", or a table with provider, model and base_url'


@dataclass
class Aliases:
    """Alias to the model it stands for, and which of them were used."""

    targets: Mapping[str, Mapping[str, object]]
    used: set[str]

    def apply(self, given: Gathered) -> None:
        """Put the real model in the place of an alias; how it was named is kept as `named`."""
        name = bare_name(str(given.values.get("model", "")))
        target = self.targets.get(name)
        if target is None:
            return
        self.used.add(name)
        written = str(given.values.get("provider") or target["provider"])
        given.values["named"] = {"provider": written.strip().lower(), "model": name}
        given.values.update(target)

    def warn_of_unused(self, problems: Problems) -> None:
        """An alias that no model of the config is named by has no effect."""
        for name in sorted(set(self.targets) - self.used):
            problems.warnings.append(f"{_KEY}.{name}: no model of this config is named so")


def read_aliases(table: object, problems: Problems) -> Aliases:
    """Every alias leads to a model that can be called, in one step; what does not is noted."""
    if table is None:
        table = {}
    if not isinstance(table, Mapping):
        problems.add(_KEY, table, "make it a table of name to model")
        table = {}
    targets = {}
    for name, value in table.items():
        target = _target(f"{_KEY}.{name}", value, problems)
        if target is not None:
            targets[bare_name(str(name))] = target
    for name, target in targets.items():
        if bare_name(str(target["model"])) in targets:
            remedy = "is an alias itself; name the model that answers in the end"
            problems.add(f"{_KEY}.{name}", target["model"], remedy)
    return Aliases(targets, set())


def _target(key: str, value: object, problems: Problems) -> dict[str, object] | None:
    given = Gathered(f"{key}.")
    if isinstance(value, Mapping):
        refuse_unknown(value, paths_of(ALIAS), prefix=f"{key}.", problems=problems)
        given = gather(value, ALIAS, prefix=f"{key}.", problems=problems)
    elif isinstance(value, str) and "/" in value:
        provider, _, model = value.partition("/")
        given.values = {"provider": provider, "model": model}
    provider = str(given.values.get("provider", "")).strip().lower()
    model = str(given.values.get("model", "")).strip()
    base_url = given.values.get("base_url")
    if provider not in PROVIDERS or not model:
        problems.add(key, value, f"points to no model; {_HOW}")
        return None
    if base_url is None and provider == FREE_NAMES:
        problems.add(f"{key}.base_url", None, f"{FREE_NAMES} needs the URL of its server")
        return None
    if base_url is not None and provider not in (FREE_NAMES, EMBEDDED):
        problems.add(f"{key}.base_url", base_url, f"remove it: {provider} has its own")
        return None
    refused = [_refused(provider, model, role) for role in ("policy", "reflection")]
    if all(refused):
        problems.add(key, value, f"points to no model: {refused[0]}")
        return None
    return {"provider": provider, "model": model, "base_url": base_url}


def _refused(provider: str, model: str, role: Role) -> str | None:
    try:
        resolve_model(provider, model, role)
    except ModelRefused as refused:
        return str(refused)
    return None
