"""`docs/mipro.md` names every option with its aliases, and the keys that it warns of."""

from ray_promptopt.config.base import Section
from ray_promptopt.config.keys import (
    BUDGET,
    MIPRO_FLAVOURS,
    MIPRO_SEED_FALLBACKS,
    MIPRO_SEEDS,
    MIPRO_SETTINGS,
    REFLECTION,
)
from ray_promptopt.config.mipro_effects import ALWAYS, ALWAYS_IN_TABLES
from ray_promptopt.config.schema_mipro import MiproModule, MiproStage
from tests.unit.config.doc_tables import MIPRO_TABLES, keys_of_flavours, options, tables

TABLES: dict[str, type[Section]] = {
    **MIPRO_TABLES,
    "modules[]": MiproModule,
    "modules[].stages[]": MiproStage,
}


def test_the_table_of_options_names_every_key_of_the_schema_with_its_aliases() -> None:
    expected: dict[str, set[str]] = {}
    for group in (MIPRO_SETTINGS, BUDGET, REFLECTION["mipro"]):
        expected |= {paths[0]: set(paths[1:]) for paths in group.values()}
    for name, paths in MIPRO_SEEDS.items():
        expected[paths[0]] = {*paths[1:], *MIPRO_SEED_FALLBACKS.get(name, ())}
    expected |= keys_of_flavours(list(MIPRO_FLAVOURS))
    for table, model in TABLES.items():
        expected.pop(table, None)
        expected |= {f"{table}.{name}": set() for name in model.model_fields}
    del expected["modules[].stages"]
    expected["modules[].module_id"] = {"id"}
    expected["modules[].stages[].stage_id"] = {"module_stage_id"}
    assert options("mipro.md") == expected


def test_the_keys_that_are_warned_of_are_said_to_be() -> None:
    (rows,) = tables("mipro.md", "| key | also |")
    warned = {row[0].strip("`") for row in rows if row[2].startswith("warned of:")}
    assert warned == {*ALWAYS, *ALWAYS_IN_TABLES}
