"""The table of a comparison, and the file it leaves behind."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.simulation.compare import main
from benchmarks.simulation.landscape import WorldSettings
from benchmarks.simulation.measure import CurvePoint, Setup, run_once
from benchmarks.simulation.page import section
from benchmarks.simulation.summary import at_rollouts, at_time, summarise

SMALL = WorldSettings(lessons=6, train=12, validation=8, held_out=50)
SETUP = Setup(rollout_budget=100, max_concurrent=4)


def test_the_command_prints_every_schedule_and_writes_every_run(tmp_path: Path) -> None:
    output = tmp_path / "results" / "simulation.json"
    options = ["--world", "additive", "--schedule", "pxn-2x2", "--seeds", "2", "--budget", "100"]
    done = CliRunner().invoke(main, [*options, "--output", str(output)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "world additive, 2 seeds" in done.output
    assert "pxn-2x2" in done.output
    document = json.loads(output.read_text())
    assert [(run["schedule"], run["seed"]) for run in document["runs"]] == [
        ("reference", 0),
        ("reference", 1),
        ("pxn-2x2", 0),
        ("pxn-2x2", 1),
    ]
    assert document["setup"]["rollout_budget"] == 100
    assert document["worlds"].keys() == {"additive"}


def test_an_unknown_schedule_is_refused_with_the_known_ones() -> None:
    done = CliRunner().invoke(main, ["--schedule", "unknown"])
    assert done.exit_code == 2
    assert "independent-8" in done.output


def test_runs_are_paired_with_the_baseline_of_the_same_seed() -> None:
    reference = [run_once("reference", "small", SMALL, seed, SETUP) for seed in range(3)]
    wide = [run_once("pxn-2x2", "small", SMALL, seed, SETUP) for seed in range(3)]
    row = summarise(wide, reference, 100)
    expected = sum(w.held_out - r.held_out for w, r in zip(wide, reference, strict=True)) / 3
    assert row.against_baseline is not None
    assert row.against_baseline.difference == pytest.approx(expected)
    assert row.speed_up == pytest.approx(
        sum(r.wall_s for r in reference) / sum(w.wall_s for w in wide)
    )
    assert summarise(reference, reference, 100).against_baseline is None


def test_a_curve_holds_its_value_until_the_next_best() -> None:
    curve = [CurvePoint(0.0, 0, 0.1), CurvePoint(5.0, 40, 0.1), CurvePoint(9.0, 86, 0.4)]
    assert [at_rollouts(curve, n) for n in (0, 85, 86, 500)] == [0.1, 0.1, 0.4, 0.4]
    assert [at_time(curve, t) for t in (0.0, 8.9, 9.0)] == [0.1, 0.1, 0.4]


def test_the_page_tells_a_difference_only_where_the_interval_excludes_zero(tmp_path: Path) -> None:
    compared = {"difference": 0.1, "low": 0.05, "high": 0.15}
    row = {"world": "additive", "held_out": 0.5, "wall_s": 9.6, "speed_up": 2.0, "utilisation": 0.7}
    rows = [
        row | {"schedule": "reference", "num_seeds": 3, "against_baseline": None},
        row | {"schedule": "async", "against_baseline": compared},
        row | {"schedule": "pxn-2x2", "against_baseline": compared | {"low": -0.02}},
    ]
    path = tmp_path / "simulation.json"
    setup = {"rollout_budget": 640, "max_concurrent": 16}
    path.write_text(json.dumps({"setup": setup, "summaries": rows}))
    lines = section(path).splitlines()
    assert lines[0] == "640 rollouts, 16 calls in flight, 3 seeds."
    assert lines[-3:] == [
        "| additive | reference | 0.500 |  | 10 | 2.00 | 70% |",
        "| additive | async | 0.500 | +10.0 (+5.0 to +15.0) | 10 | 2.00 | 70% |",
        "| additive | pxn-2x2 | 0.500 | +10.0 (-2.0 to +15.0): cannot tell | 10 | 2.00 | 70% |",
    ]
