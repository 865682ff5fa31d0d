"""`docs/gepa.md` names every option and every stage, and nothing else."""

import pytest

from ray_promptopt.algorithms.gepa import stages as reference
from ray_promptopt.algorithms.gepa.lanes import stages as lanes
from ray_promptopt.config.keys import (
    BUDGET,
    GEPA_FLAVOURS,
    GEPA_SEEDS,
    GEPA_SETTINGS,
    REFLECTION,
    TERMINATION,
)
from ray_promptopt.config.schema_gepa import GepaModule
from tests.unit.config.doc_tables import CELL, keys_of_flavours, options, tables


def test_the_table_of_options_names_every_key_of_the_schema_with_its_aliases() -> None:
    expected: dict[str, set[str]] = {}
    for group in (GEPA_SETTINGS, GEPA_SEEDS, BUDGET, REFLECTION["gepa"]):
        expected |= {paths[0]: set(paths[1:]) for paths in group.values()}
    expected |= keys_of_flavours(list(GEPA_FLAVOURS))
    expected |= {f"modules[].{name}": set() for name in GepaModule.model_fields}
    assert options("gepa.md") == expected


def test_the_table_of_limits_names_every_key_of_termination_config() -> None:
    assert options("gepa.md", 1) == {paths[0]: set(paths[1:]) for paths in TERMINATION.values()}


@pytest.mark.parametrize(
    ("number", "stages", "transitions"),
    [
        (0, reference.Stage, reference.TRANSITIONS),
        (1, lanes.LaneStage, lanes.TRANSITIONS),
        (2, lanes.LandingStage, lanes.TRANSITIONS),
    ],
    ids=["reference", "lane", "landing"],
)
def test_a_table_of_stages_says_which_may_follow_which(
    number: int,
    stages: type[reference.Stage] | type[lanes.LaneStage] | type[lanes.LandingStage],
    transitions: dict[object, frozenset[object]],
) -> None:
    rows = tables("gepa.md", "| stage | work |")[number]
    written = {CELL.findall(row[0])[0]: set(CELL.findall(row[2])) for row in rows}
    assert written == {
        str(stage): {str(following) for following in transitions[stage]} for stage in stages
    }
