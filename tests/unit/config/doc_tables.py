"""The tables of a page of `docs/`, so that tests can hold them against the code."""

import re
from pathlib import Path

from ray_promptopt.config.base import Section
from ray_promptopt.config.schema_mipro import (
    DemoConfig,
    GroundingConfig,
    MetaUpdateConfig,
    TpeConfig,
)

MIPRO_TABLES: dict[str, type[Section]] = {
    "tpe": TpeConfig,
    "demo": DemoConfig,
    "grounding": GroundingConfig,
    "meta_update": MetaUpdateConfig,
}
"""The tables of `[mipro]` whose keys are options of their own."""

CELL = re.compile(r"`([^`]+)`")
_DOCS = Path(__file__).parents[3] / "docs"


def tables(page: str, header: str) -> list[list[list[str]]]:
    """The rows of each table of the page that has this header, cell by cell."""
    text = (_DOCS / page).read_text(encoding="utf-8")
    found: list[list[list[str]]] = []
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if lines and lines[0].startswith(header):
            found.append([re.split(r"\s*\|\s*", line)[1:-1] for line in lines[2:]])
    return found


def options(page: str, number: int = 0) -> dict[str, set[str]]:
    """Key → aliases in the page's n-th table of options."""
    rows = tables(page, "| key | also |")[number]
    return {CELL.findall(row[0])[0]: set(CELL.findall(row[1])) for row in rows}


def keys_of_flavours(paths: list[str]) -> dict[str, set[str]]:
    """The keys of all proposers' own models as one row each."""
    return {re.sub(r"\.(dspy|synth|gepa_ai)_", ".FLAVOUR_", path): set() for path in paths}
