"""The side-by-side runs: real model servers, the real package, the real optimizer. Not figures."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.gepa_vs_reference import main
from benchmarks.page import SECTIONS, render
from benchmarks.versus.contestants import CONTESTANTS
from benchmarks.versus.record import load


def test_quick_comparison_when_run_then_counts_everything_and_fills_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BANKING77_DIR", raising=False)
    out = tmp_path / "gepa_vs_reference_16.json"

    result = CliRunner().invoke(main, ["--quick", "--out", str(out)])

    assert result.exit_code == 0, result.output
    comparison = load(out)
    assert list(comparison.skipped) == ["banking77"]
    assert "BANKING77_DIR" in comparison.skipped["banking77"]
    keys = {run.key for run in comparison.runs}
    assert keys == {("intents", seed, who) for seed in (1000, 1001) for who in CONTESTANTS}
    budget = comparison.setting.rollout_budget
    for run in comparison.runs:
        assert run.rollouts == run.policy_calls >= 96
        assert run.bests[0].rollouts == 96
        assert run.rollouts <= budget or run.contestant.startswith("gepa")
    # The same rows and the same first text: every contestant starts from the same accuracy.
    assert len({run.bests[0].held_out for run in comparison.runs}) == 1

    empty = "\n".join(f"<!-- begin {section} -->\n<!-- end {section} -->" for section in SECTIONS)
    page = render(empty, tmp_path, tmp_path / "docs")
    assert all(f"| {who} |" in page for who in CONTESTANTS)
    assert (tmp_path / "docs" / "images" / "gepa-intents-16.svg").exists()
    assert render(page, tmp_path, tmp_path / "docs") == page
