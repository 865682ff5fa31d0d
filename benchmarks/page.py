"""Renders the sections of `docs/benchmarks.md` from the results: `python -m benchmarks.page`.

What stands between a section's two markers is generated; everything else on the page stays.
"""

import re
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.load import page as load_page
from benchmarks.serving import page as serving
from benchmarks.simulation import page as simulation
from benchmarks.versus import page as versus
from benchmarks.versus.record import load
from benchmarks.versus_dspy import page as versus_dspy
from benchmarks.versus_dspy.record import load as load_mipro

ROOT = Path(__file__).parents[1]
Section = Callable[[Path, Path], str]
"""A results file and the docs folder (for images) to markdown."""

SECTIONS: dict[str, Section] = {
    "simulation": lambda results, docs: simulation.section(results),
    "simulation_64": lambda results, docs: simulation.section(results),
    "gepa_vs_reference_16": lambda results, docs: versus.section(load(results), docs),
    "gepa_vs_reference_64": lambda results, docs: versus.section(load(results), docs),
    "gepa_vs_reference_16_http": lambda results, docs: versus.section(load(results), docs),
    "mipro_vs_dspy": lambda results, docs: versus_dspy.section(load_mipro(results), docs),
    "gateway": lambda results, docs: serving.section(results),
    "soak": lambda results, docs: serving.soak_section(results),
    "rollouts": lambda results, docs: load_page.section(results),
}
"""Name of a results file, and of its section."""


def render(page: str, results: Path, docs: Path) -> str:
    """The page with every section whose results are there made anew.

    Raises ValueError when the page has no place for one.
    """
    for name, section in SECTIONS.items():
        path = results / f"{name}.json"
        if path.exists():
            page = _put(page, name, section(path, docs))
    return page


def _put(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not place.search(page):
        raise ValueError(f"the page has no lines {begin!r} and {end!r}: add them")
    return place.sub(lambda _: f"{begin}\n{text}\n{end}", page)


@click.command()
def main() -> None:
    """Write the page."""
    path = ROOT / "docs" / "benchmarks.md"
    page = path.read_text(encoding="utf-8")
    rendered = render(page, ROOT / "benchmarks" / "results", path.parent)
    path.write_text(rendered, encoding="utf-8")
    click.echo(f"{path.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
