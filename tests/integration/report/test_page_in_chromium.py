import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from ray_promptopt.store.run_view import RunStatus, RunView
from tests.fakes.browser import render
from tests.fakes.run_views import HOSTILE, empty_view, finished_view, large_view, written

PROBE = """
<script>
const boxes = [...document.querySelectorAll("figure svg:not(.tree)")].map((svg) =>
  [...svg.querySelectorAll("text")].map((text) => text.getBoundingClientRect()));
const overlaps = (a, b) =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const overlapping = boxes.flatMap((texts) =>
  texts.flatMap((a, i) => texts.slice(i + 1).filter((b) => overlaps(a, b))));
const shown = (selector) =>
  [...document.querySelectorAll(selector)].filter((row) => row.offsetParent !== null).length;
const before = shown("table.examples tbody tr");
for (const box of document.querySelectorAll("[data-changed-only]")) box.click();
const scores = document.querySelector("#candidates th:nth-child(4)");
if (scores) scores.click();
const column = [...document.querySelectorAll("#candidates tbody tr")]
  .map((row) => parseFloat(row.cells[3].textContent)).filter((score) => !Number.isNaN(score));
document.body.dataset.probe = JSON.stringify({
  title: document.title, images: document.images.length, scripts: document.scripts.length,
  overlapping: overlapping.length, overflow: document.documentElement.scrollWidth - innerWidth,
  dots: document.querySelectorAll("#curve figcaption ~ svg .mark").length,
  strokes: document.querySelectorAll("#curve .rug").length,
  front: document.querySelectorAll("#front .mark").length,
  nodes: document.querySelectorAll("#lineage .node").length,
  candidates: document.querySelectorAll("#candidates tbody tr").length,
  examples: before, changed: shown("table.examples tbody tr"),
  descending: column.every((score, i) => i === 0 || score <= column[i - 1]),
  verdict: document.querySelector("#held-out")?.textContent ?? "",
  warning: document.querySelector(".note.warn")?.textContent ?? "",
  diff: document.querySelector("pre.prompt")?.textContent ?? "",
});
</script>
"""


def probe(view: RunView, folder: Path, *, width: int = 1280) -> dict[str, Any]:
    """What the rendered page shows; fails on anything that the console was told."""
    page = written(view, folder)
    page.write_text(page.read_text().replace("</body>", f"{PROBE}</body>"))
    rendered = render(page, folder / "profile", width=width)
    assert rendered.console == []
    found = re.search(r'data-probe="([^"]*)"', rendered.dom)
    assert found
    seen: dict[str, Any] = json.loads(unescape(found.group(1)))
    return seen


def test_console_when_a_script_throws_then_is_heard(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>throw new Error('heard')</script>")
    assert ["heard" in line for line in render(page, tmp_path / "profile").console] == [True]


def test_page_when_run_finished_then_shows_curve_front_lineage_and_verdict(tmp_path: Path) -> None:
    seen = probe(finished_view(), tmp_path)
    assert (seen["dots"], seen["strokes"], seen["front"], seen["nodes"]) == (2, 1, 2, 2)
    assert seen["candidates"] == 3
    assert (seen["examples"], seen["changed"]) == (36, 26)
    assert seen["descending"]
    assert seen["overlapping"] == 0
    assert seen["overflow"] <= 0
    assert "Better than the baseline." in seen["verdict"]
    assert "Examples gained: 20, lost: 0, unchanged: 10" in seen["verdict"]
    assert "Think first." in seen["diff"]
    assert seen["warning"] == ""


def test_page_when_gain_is_small_then_claims_nothing(tmp_path: Path) -> None:
    seen = probe(finished_view(gained=1), tmp_path)
    assert seen["verdict"].startswith("Not distinguishable from the baseline.")


def test_page_when_texts_are_hostile_then_they_are_text(tmp_path: Path) -> None:
    benign = probe(finished_view(), tmp_path / "benign")
    seen = probe(finished_view(text=HOSTILE), tmp_path / "hostile")
    assert HOSTILE in seen["diff"]
    assert seen["title"] == benign["title"]
    assert (seen["images"], seen["scripts"]) == (0, benign["scripts"])


def test_page_when_there_are_hundreds_of_candidates_then_shows_all(tmp_path: Path) -> None:
    seen = probe(large_view(), tmp_path)
    assert (seen["candidates"], seen["nodes"], seen["dots"]) == (600, 480, 480)
    assert seen["overlapping"] == 0
    assert seen["overflow"] <= 0
    assert "interrupted" in seen["warning"]


@pytest.mark.parametrize("width", [500, 1280])
def test_page_when_nothing_was_counted_then_says_why_and_how_to_go_on(
    tmp_path: Path, width: int
) -> None:
    view = empty_view(RunStatus.FAILED, "the task app cannot be reached")
    seen = probe(view, tmp_path, width=width)
    assert "the task app cannot be reached" in seen["warning"]
    assert f"ray-promptopt resume {view.run_id}" in seen["warning"]
    assert seen["candidates"] == 0
    assert seen["overflow"] <= 0
