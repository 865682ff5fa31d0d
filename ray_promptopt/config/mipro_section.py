"""The `[mipro]` table: settings, modules with stages and edges, and the rules over them."""

from collections.abc import Mapping
from pathlib import Path

from ray_promptopt.config.build import build
from ray_promptopt.config.gather import Gathered, Keys, Problems, gather, lookup
from ray_promptopt.config.keys import MIPRO_FLAVOURS, MIPRO_SETTINGS
from ray_promptopt.config.schema import Splits
from ray_promptopt.config.schema_mipro import MiproConfig, MiproModule, MiproStage
from ray_promptopt.config.spec import read_spec
from ray_promptopt.config.spec_text import spec_text

_PREFIX = "mipro."
_MODULE: Keys = {
    "module_id": ("module_id", "id"),
    "stages": ("stages",),
    "edges": ("edges",),
    "max_instruction_slots": ("max_instruction_slots",),
    "max_demo_slots": ("max_demo_slots",),
}
_STAGE_ID = {"stage_id": ("stage_id", "module_stage_id")}


def read_mipro(table: Mapping[str, object], problems: Problems) -> tuple[MiproConfig, Gathered]:
    """The section (the defaults when it is faulty) and where its keys were written."""
    given = gather(table, MIPRO_SETTINGS, prefix=_PREFIX, problems=problems)
    values = given.values
    values["modules"] = _modules(table.get("modules"), problems)
    values["proposer_settings"] = {
        name: value
        for name, (path,) in MIPRO_FLAVOURS.items()
        if (value := lookup(table, path)) is not None
    }
    update = values.get("meta_update")
    if isinstance(update, Mapping):
        values["meta_update"] = {"enabled": True, **update}
    mipro = build(MiproConfig, given, problems)
    if mipro is None:
        return MiproConfig(), given
    _refuse_bad_modules(mipro, problems)
    return mipro, given


def with_spec(mipro: MiproConfig, given: Gathered, folder: Path, problems: Problems) -> MiproConfig:
    """The section with its spec read, so that the resolved config is complete."""
    key = given.key("spec_path")
    if mipro.spec is not None and mipro.spec_path is not None:
        problems.add(key, mipro.spec_path, "give either the path or the spec")
        return mipro
    if mipro.spec_path is not None:
        spec = read_spec(folder / mipro.spec_path, key, problems)
        mipro = mipro.model_copy(update={"spec": spec})
    if mipro.spec is not None and not shown_mipro_spec(mipro):
        remedy = "nothing of the spec is shown: raise it, or lower spec_priority_threshold"
        problems.add(given.key("spec_max_tokens"), mipro.spec_max_tokens, remedy)
    return mipro


def shown_mipro_spec(mipro: MiproConfig) -> str:
    """The part of the spec that the meta model is shown; empty without a spec."""
    if mipro.spec is None:
        return ""
    return spec_text(
        mipro.spec,
        max_tokens=mipro.spec_max_tokens,
        include_examples=mipro.spec_include_examples,
        priority_threshold=mipro.spec_priority_threshold,
    )


def check_bootstrap(mipro: MiproConfig, splits: Splits, problems: Problems) -> None:
    """As many demonstrations as asked for must be possible."""
    if mipro.min_bootstrap_demos > len(splits.train):
        problems.add(
            "mipro.min_bootstrap_demos",
            mipro.min_bootstrap_demos,
            f"at most {len(splits.train)}, the number of bootstrap_train_seeds",
        )


def _modules(tables: object, problems: Problems) -> list[MiproModule]:
    if tables is None:
        return []
    if not isinstance(tables, list):
        problems.add("mipro.modules", tables, "give a list of tables")
        return []
    read = (_module(table, f"mipro.modules[{index}]", problems) for index, table in _each(tables))
    return [module for module in read if module is not None]


def _each(tables: object) -> list[tuple[int, Mapping[str, object]]]:
    entries = tables if isinstance(tables, list) else []
    return [
        (index, entry if isinstance(entry, Mapping) else {}) for index, entry in enumerate(entries)
    ]


def _module(table: Mapping[str, object], key: str, problems: Problems) -> MiproModule | None:
    given = gather(table, _MODULE, prefix=f"{key}.", problems=problems)
    known = {path for paths in _MODULE.values() for path in paths}
    given.values.update({name: table[name] for name in table if name not in known})
    if not isinstance(table.get("stages", []), list):
        problems.add(f"{key}.stages", table.get("stages"), "give a list of tables")
    stages = [
        _stage(stage, f"{key}.stages[{index}]", problems)
        for index, stage in _each(table.get("stages"))
    ]
    given.values["stages"] = [stage for stage in stages if stage is not None]
    edges = table.get("edges", [])
    given.values["edges"] = [_edge(edge) for edge in edges] if isinstance(edges, list) else edges
    return build(MiproModule, given, problems)


def _stage(table: Mapping[str, object], key: str, problems: Problems) -> MiproStage | None:
    given = gather(table, _STAGE_ID, prefix=f"{key}.", problems=problems)
    rest = {name: table[name] for name in table if name not in ("stage_id", "module_stage_id")}
    given.values.update(rest)
    return build(MiproStage, given, problems)


def _edge(edge: object) -> object:
    """`[a, b]`, `{from, to}` and `{source, target}` alike."""
    if isinstance(edge, list) and len(edge) == 2:
        return {"source": edge[0], "target": edge[1]}
    if isinstance(edge, Mapping):
        renamed = {"from": "source", "to": "target"}
        return {renamed.get(str(name), str(name)): value for name, value in edge.items()}
    return edge


def _refuse_bad_modules(mipro: MiproConfig, problems: Problems) -> None:
    modules = [module.module_id for module in mipro.modules]
    stages = [stage.stage_id for module in mipro.modules for stage in module.stages]
    for key, names in (("module_id", modules), ("stage_id", stages)):
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            problems.add(f"mipro.modules.{key}", repeated, f"give each {key} once")
    for module in mipro.modules:
        own = {stage.stage_id for stage in module.stages}
        for edge in module.edges:
            if not {edge.source, edge.target} <= own:
                problems.add(
                    f"mipro.modules.{module.module_id}.edges",
                    f"{edge.source} -> {edge.target}",
                    f"name stages of this module: {', '.join(sorted(own))}",
                )
        holders: tuple[MiproModule | MiproStage, ...] = (module, *module.stages)
        for holder in holders:
            _refuse_wide_slots(mipro, module.module_id, holder, problems)


def _refuse_wide_slots(
    mipro: MiproConfig, module_id: str, holder: MiproModule | MiproStage, problems: Problems
) -> None:
    caps = {
        "max_instruction_slots": mipro.max_instruction_sets,
        "max_demo_slots": mipro.max_demo_sets,
    }
    for name, cap in caps.items():
        value = getattr(holder, name)
        if value is not None and value > cap:
            key = f"mipro.modules.{module_id}.{name}"
            problems.add(key, value, f"at most {cap} (mipro.{name.replace('slots', 'sets')})")
