"""`docs/gepa.md` names every option and every stage, and nothing else."""

import re
from pathlib import Path

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

TEXT = (Path(__file__).parents[3] / "docs" / "gepa.md").read_text(encoding="utf-8")
CELL = re.compile(r"`([^`]+)`")


def tables(header: str) -> list[list[list[str]]]:
    """The rows of each table that has this header, cell by cell."""
    found: list[list[list[str]]] = []
    for block in TEXT.split("\n\n"):
        lines = block.splitlines()
        if lines and lines[0].startswith(header):
            found.append([re.split(r"\s*\|\s*", line)[1:-1] for line in lines[2:]])
    return found


def options(number: int) -> dict[str, set[str]]:
    """Key → aliases in the n-th table of options."""
    rows = tables("| key | also |")[number]
    return {CELL.findall(row[0])[0]: set(CELL.findall(row[1])) for row in rows}


def test_the_table_of_options_names_every_key_of_the_schema_with_its_aliases() -> None:
    expected: dict[str, set[str]] = {}
    for group in (GEPA_SETTINGS, GEPA_SEEDS, BUDGET, REFLECTION["gepa"]):
        expected |= {paths[0]: set(paths[1:]) for paths in group.values()}
    flavours = {re.sub(r"\.(dspy|synth|gepa_ai)_", ".FLAVOUR_", name) for name in GEPA_FLAVOURS}
    expected |= {name: set() for name in flavours}
    expected |= {f"modules[].{name}": set() for name in GepaModule.model_fields}
    assert options(0) == expected


def test_the_table_of_limits_names_every_key_of_termination_config() -> None:
    assert options(1) == {paths[0]: set(paths[1:]) for paths in TERMINATION.values()}


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
    rows = tables("| stage | work |")[number]
    written = {CELL.findall(row[0])[0]: set(CELL.findall(row[2])) for row in rows}
    assert written == {
        str(stage): {str(following) for following in transitions[stage]} for stage in stages
    }
