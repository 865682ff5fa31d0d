"""One TOML document to one `RunConfig`: finds the tables, has each read, puts them together."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ray_promptopt.config import keys
from ray_promptopt.config.accounting import check_cache, check_prices
from ray_promptopt.config.aliases import read_aliases
from ray_promptopt.config.base import Section
from ray_promptopt.config.build import build
from ray_promptopt.config.effectless import read_effectless
from ray_promptopt.config.gather import (
    Gathered,
    Problems,
    gather,
    merge,
    paths_of,
    refuse_unknown,
)
from ray_promptopt.config.generations import with_generations
from ray_promptopt.config.gepa_effects import warn_of_no_effect
from ray_promptopt.config.gepa_section import check_stages, read_gepa, split_training_seeds
from ray_promptopt.config.limits import gepa_limits, mipro_limits, read_termination
from ray_promptopt.config.mipro_auto import with_auto_sizes, with_auto_splits
from ray_promptopt.config.mipro_effects import warn_of_no_effect as warn_of_no_mipro_effect
from ray_promptopt.config.mipro_section import check_bootstrap, read_mipro, with_spec
from ray_promptopt.config.model_refs import read_fallbacks, read_policy, read_reflection
from ray_promptopt.config.prompt import read_prompt
from ray_promptopt.config.proposer import apply_to_reflection
from ray_promptopt.config.schema import (
    EmbeddedOptions,
    ExecutionConfig,
    GatewayConfig,
    InitialPrompt,
    Limits,
    RunConfig,
    Splits,
)
from ray_promptopt.config.schema_gepa import GepaConfig
from ray_promptopt.config.schema_mipro import MiproConfig
from ray_promptopt.config.seed_sources import gather_seeds
from ray_promptopt.config.seeds import read_splits
from ray_promptopt.config.task_app import read_task_app

Table = Mapping[str, object]

_OPTIONS: dict[str, type[Section]] = {
    "gateway": GatewayConfig,
    "execution": ExecutionConfig,
    "embedded": EmbeddedOptions,
}
_WITHOUT_EFFECT = {
    "display": "progress is always shown, see `ray-promptopt run --help`; remove it",
    "free_tier": "there are no tiers here; set limits in termination_config",
}
_AS_WRITTEN = ("prices", "results_folder", "display")


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a document that several readers need."""

    algorithm: str
    top: Table
    section: Table
    shared: Gathered
    """Keys that may stand at the top or in the algorithm's table."""
    budget: Gathered
    env_config: Table


@dataclass(frozen=True, slots=True)
class Search:
    """What is read of the algorithm's own table."""

    gepa: GepaConfig | None
    mipro: MiproConfig | None
    splits: Splits
    limits: Limits | None
    given: Gathered | None = None
    """Where the keys of the algorithm's table were written."""


def read_document(
    document: Table, environ: Mapping[str, str], folder: Path, problems: Problems
) -> RunConfig | None:
    """The config; None, with the faults noted, when it cannot be made. Paths are relative to
    `folder`."""
    top = _top_table(document, problems)
    problems.strict = top.get("strict", True) is not False
    tables = _tables(top, problems)
    aliases = read_aliases(top.get("model_aliases"), problems)
    policy = read_policy(top.get("policy"), aliases, problems)
    prompt = read_prompt(top.get("initial_prompt"), problems)
    fallbacks = read_fallbacks(top.get("policy"), policy, aliases, problems)
    parts: dict[str, object] = {
        "algorithm": tables.algorithm,
        "policy": policy,
        "policy_fallbacks": fallbacks,
        "model_aliases": aliases.targets,
        "initial_prompt": prompt,
        "env_config": tables.env_config,
        "pass_through": read_effectless(
            {"": top, f"{tables.algorithm}.": tables.section}, problems
        ),
        **{name: top[name] for name in _AS_WRITTEN if name in top},
        **_options(top, problems),
    }
    if tables.algorithm:
        parts["task_app"] = read_task_app(tables.shared, environ, problems)
        mapped = gather(
            tables.section,
            keys.REFLECTION[tables.algorithm],
            prefix=f"{tables.algorithm}.",
            problems=problems,
        )
        apply_to_reflection(mapped, tables.section, tables.algorithm)
        reflection = read_reflection(mapped, policy, tables.algorithm, aliases, problems)
        parts["reflection"] = reflection
        aliases.warn_of_unused(problems)
        search = _read_search(tables, prompt or InitialPrompt(), folder, problems)
        if search.mipro is not None and search.given is not None:
            warn_of_no_mipro_effect(search.mipro, search.given, policy, problems)
        if search.gepa is not None and search.given is not None:
            stages = [stage.name for stage in prompt.pipeline_modules] if prompt else []
            warn_of_no_effect(search.gepa, search.given, policy, stages, search.splits, problems)
        check_cache(parts.get("gateway"), search.gepa, problems)
        models = (policy, *fallbacks, reflection)
        check_prices(search.limits, models, parts.get("prices"), problems)
        parts.update(
            gepa=search.gepa, mipro=search.mipro, splits=search.splits, limits=search.limits
        )
    parts.update(_scalars(tables))
    for name, remedy in _WITHOUT_EFFECT.items():
        if top.get(name):
            problems.warnings.append(f"{name}: read, without effect: {remedy}")
    if problems.found:
        return None
    return build(RunConfig, Gathered("", parts, _written(tables)), problems)


def _top_table(document: Table, problems: Problems) -> Table:
    """`[prompt_learning]` joined with the tables beside it, or the root itself."""
    inner = document.get("prompt_learning")
    if inner is None:
        return document
    if not isinstance(inner, Mapping):
        problems.add("prompt_learning", inner, "make it a table")
        return {}
    outer = {name: value for name, value in document.items() if name != "prompt_learning"}
    for name in outer.keys() & inner.keys():
        if outer[name] != inner[name]:
            problems.add(name, outer[name], f"differs from prompt_learning.{name}; give one")
    return {**outer, **inner}


def _tables(top: Table, problems: Problems) -> Tables:
    algorithm = top.get("algorithm")
    known = paths_of(keys.TOP, keys.TOP_SEEDS, keys.TOP_MIPRO_SEEDS)
    refuse_unknown(top, [*known, *keys.EFFECTLESS], prefix="", problems=problems)
    if algorithm not in ("gepa", "mipro"):
        problems.add("algorithm", algorithm, 'give "gepa" or "mipro"')
        return Tables("", top, {}, Gathered(""), Gathered(""), {})
    assert isinstance(algorithm, str)
    section = top.get(algorithm)
    if not isinstance(section, Mapping):
        problems.add(algorithm, section, f"add a [{algorithm}] table")
        section = {}
    prefix = f"{algorithm}."
    refuse_unknown(section, _section_keys(algorithm), prefix=prefix, problems=problems)
    shared = merge(
        gather(top, keys.SHARED, prefix="", problems=problems),
        gather(section, keys.SHARED, prefix=prefix, problems=problems),
        problems=problems,
    )
    env_config = shared.values.get("env_config", {})
    if not isinstance(env_config, Mapping):
        problems.add(shared.key("env_config"), env_config, "make it a table")
        env_config = {}
    budget = gather(section, keys.BUDGET, prefix=prefix, problems=problems)
    return Tables(algorithm, top, section, shared, budget, env_config)


def _section_keys(algorithm: str) -> list[str]:
    groups = {
        "gepa": (keys.GEPA_SETTINGS, keys.GEPA_SEEDS, keys.GEPA_FLAVOURS),
        "mipro": (
            keys.MIPRO_SETTINGS,
            keys.MIPRO_SEEDS,
            keys.MIPRO_SEED_FALLBACKS,
            keys.MIPRO_FLAVOURS,
        ),
    }[algorithm]
    return [
        *paths_of(*groups, keys.REFLECTION[algorithm], keys.BUDGET, keys.SHARED),
        *keys.EFFECTLESS,
    ]


def _read_search(tables: Tables, prompt: InitialPrompt, folder: Path, problems: Problems) -> Search:
    section = tables.section
    if "validation_top_k" in tables.top:
        section = {"validation_top_k": tables.top["validation_top_k"], **section}
    seeds = gather_seeds(tables.algorithm, tables.top, tables.section, tables.env_config, problems)
    splits = read_splits(seeds, tables.env_config, problems)
    termination = read_termination(tables.top.get("termination_config"), problems)
    if tables.algorithm == "gepa":
        gepa, given = read_gepa(section, folder, problems)
        check_stages(gepa, prompt, problems)
        if not seeds.values.get("train"):
            problems.add("gepa.evaluation.seeds", None, "give the training seeds")
        else:
            splits = split_training_seeds(
                splits, gepa, given, bool(seeds.values.get("validation")), problems
            )
        limits = gepa_limits(termination, tables.budget, gepa, splits, problems)
        if limits is not None:
            gepa = with_generations(gepa, given, limits.max_rollouts, problems)
        return Search(gepa, None, splits, limits, given)
    mipro, mipro_given = read_mipro(section, problems)
    mipro = with_spec(mipro, mipro_given, folder, problems)
    splits = with_auto_splits(mipro, splits)
    budgets = (termination, tables.budget)
    mipro = with_auto_sizes(mipro, mipro_given, budgets, splits, problems)
    check_bootstrap(mipro, splits, problems)
    for part, key in (("train", "bootstrap_train_seeds"), ("validation", "online_pool")):
        if not seeds.values.get(part):
            problems.add(f"mipro.{key}", None, "give a list of seeds")
    limits = mipro_limits(termination, tables.budget, mipro, splits, problems)
    return Search(None, mipro, splits, limits, mipro_given)


def _options(top: Table, problems: Problems) -> dict[str, object]:
    options: dict[str, object] = {}
    for name, model in _OPTIONS.items():
        table = top.get(name)
        if table is None:
            continue
        if not isinstance(table, Mapping):
            problems.add(name, table, "make it a table")
            continue
        refuse_unknown(table, model.model_fields, prefix=f"{name}.", problems=problems)
        fields = {key: (key,) for key in model.model_fields}
        given = gather(table, fields, prefix=f"{name}.", problems=problems)
        options[name] = build(model, given, problems)
    return options


def _written(tables: Tables) -> dict[str, str]:
    """Where the values that stand outside the sections were written."""
    written = {name: tables.shared.key(name) for name in ("env_name", "rng_seed")}
    if "max_concurrent" in tables.budget.values:
        written["max_concurrent"] = tables.budget.key("max_concurrent")
    return written


def _scalars(tables: Tables) -> dict[str, object]:
    values: dict[str, object] = {
        name: tables.shared.values[name]
        for name in ("env_name", "rng_seed")
        if name in tables.shared.values
    }
    values.setdefault("env_name", tables.shared.values.get("task_app_id", ""))
    for source in (tables.top, tables.budget.values):
        if "max_concurrent" in source:
            values["max_concurrent"] = source["max_concurrent"]
    return values
