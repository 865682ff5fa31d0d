"""The `[gepa]` table: settings, derived limits of proposals, stages, and the rules over them."""

from collections.abc import Mapping
from pathlib import Path

from ray_promptopt.config.build import build
from ray_promptopt.config.gather import Gathered, Problems, gather, lookup, shown
from ray_promptopt.config.keys import GEPA_FLAVOURS, GEPA_SETTINGS
from ray_promptopt.config.proposer import with_proposer
from ray_promptopt.config.schema import InitialPrompt, Splits
from ray_promptopt.config.schema_gepa import GepaConfig, GepaModule
from ray_promptopt.config.seeds import set_validation_aside

_PREFIX = "gepa."


def read_gepa(
    table: Mapping[str, object], folder: Path, problems: Problems
) -> tuple[GepaConfig, Gathered]:
    """The section (the defaults when it is faulty) and where its keys were written; a path in it
    is relative to `folder`."""
    given = gather(table, GEPA_SETTINGS, prefix=_PREFIX, problems=problems)
    values = given.values
    values.setdefault("merge", _positive(values.get("crossover_rate")))
    values["modules"] = _modules(table.get("modules"), problems)
    values["proposer_settings"] = {
        name: value
        for name, (path,) in GEPA_FLAVOURS.items()
        if (value := lookup(table, path)) is not None
    }
    gepa = build(GepaConfig, given, problems)
    if gepa is None:
        return GepaConfig(), given
    gepa = with_proposer(gepa, given, folder, problems)
    _refuse_bad_objectives(gepa, given, problems)
    return gepa, given


def check_stages(gepa: GepaConfig, prompt: InitialPrompt, problems: Problems) -> None:
    """Every stage of the baseline needs a `gepa.modules` entry."""
    configured = {module.module_id for module in gepa.modules}
    missing = [stage.name for stage in prompt.pipeline_modules if stage.name not in configured]
    if missing:
        problems.add("gepa.modules", sorted(configured), f"add an entry for {', '.join(missing)}")


def split_training_seeds(
    splits: Splits, gepa: GepaConfig, given: Gathered, has_validation: bool, problems: Problems
) -> Splits:
    """Without validation seeds some training seeds are set aside for them: `pareto_set_size`, or
    what a `feedback_fraction` leaves. With them both keys are without effect."""
    name = "pareto_set_size"
    if name not in given.written and "feedback_fraction" in given.written:
        name = "feedback_fraction"
    if not has_validation:
        size = gepa.pareto_set_size
        if name == "feedback_fraction":
            size = len(splits.train) - round(gepa.feedback_fraction * len(splits.train))
        if splits.train:
            written = getattr(gepa, name)
            splits = set_validation_aside(splits, size, given.key(name), written, problems)
    for other in ("pareto_set_size", "feedback_fraction"):
        if other in given.written and (has_validation or other != name):
            why = "validation seeds are given" if has_validation else f"{given.key(name)} is given"
            problems.warnings.append(
                f"{given.key(other)} = {given.values[other]}: without effect, since {why}; "
                "remove one of them"
            )
    return splits


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def _refuse_bad_objectives(gepa: GepaConfig, given: Gathered, problems: Problems) -> None:
    names, key = gepa.objectives, given.key("objectives")
    if "reward" not in names:
        problems.add(key, list(names), "add reward: the best prompt is chosen by it")
    if len(set(names)) < len(names):
        problems.add(key, list(names), "name each objective once")
    if gepa.front_type == "instance" and set(names) > {"reward"}:
        fix = 'instance fronts see the reward alone; set front_type = "hybrid" or "cartesian"'
        problems.add(given.key("front_type"), gepa.front_type, fix)


def _modules(tables: object, problems: Problems) -> list[GepaModule]:
    if tables is None:
        return []
    if not isinstance(tables, list):
        problems.add("gepa.modules", shown("gepa.modules", tables), "give a list of tables")
        return []
    modules = []
    for index, table in enumerate(tables):
        prefix = f"gepa.modules[{index}]."
        values = dict(table) if isinstance(table, Mapping) else {}
        module = build(GepaModule, Gathered(prefix, values), problems)
        if module is not None:
            _refuse_bad_tools(module, f"{prefix}allowed_tools", problems)
            modules.append(module)
    names = [module.module_id for module in modules]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        problems.add("gepa.modules", repeated, "give each module_id once")
    return modules


def _refuse_bad_tools(module: GepaModule, key: str, problems: Problems) -> None:
    tools = module.allowed_tools
    if tools is None:
        return
    if not tools or len(set(tools)) < len(tools) or not all(tool.strip() for tool in tools):
        problems.add(key, list(tools), "name each tool once, or leave the key out to allow all")
