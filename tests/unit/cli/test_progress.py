import io
from dataclasses import replace

import pytest
from rich.console import Console

from ray_promptopt.cli.progress import ProgressDisplay, panel, progress_line
from ray_promptopt.runs.progress import Phase, ProgressSnapshot

SEARCHING = ProgressSnapshot(
    phase=Phase.SEARCH, rollouts=250, rollout_budget=1000, cost_usd=0.0123, total_tokens=45_678,
    baseline_score=0.281, best_score=0.396, front_size=3, accepted=4, rejected=7, in_flight=16,
    failed_attempts=2, elapsed_s=62.0, eta_s=3700.0, last_decision="sum 1 -> 5 over 8 examples",
)  # fmt: skip


def shown(snapshot: ProgressSnapshot, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(panel(snapshot))
    return out.getvalue()


@pytest.mark.parametrize(
    "figure",
    ["250 of 1000", "16 in flight", "0.396 best", "0.281 baseline", "front of 3", "4 accepted",
     "7 rejected", "$0.0123", "45,678 tokens", "ETA 1:01:40", "1:02", "2 attempts",
     "sum 1 -> 5 over 8 examples"],
)  # fmt: skip
def test_panel_when_searching_then_shows_every_figure(figure: str) -> None:
    assert figure in shown(SEARCHING)


@pytest.mark.parametrize("width", [30, 60])
def test_panel_when_terminal_is_narrow_then_no_line_is_wrapped(width: int) -> None:
    lines = shown(SEARCHING, width).splitlines()
    assert len(lines) == 8
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("message", ["[/red] unclosed [b", "two\nlines"])
def test_panel_when_message_holds_brackets_or_breaks_then_it_is_one_line_of_text(
    message: str,
) -> None:
    assert " ".join(message.split()) in shown(replace(SEARCHING, last_decision=message))


def test_panel_when_evaluating_held_out_then_counts_those_rollouts() -> None:
    snapshot = ProgressSnapshot(phase=Phase.HELD_OUT, held_out_rollouts=5, held_out_total=20)
    assert "held-out    5 of 20" in shown(snapshot)


def test_line_when_searching_then_holds_all_in_one_line() -> None:
    assert progress_line(SEARCHING) == (
        "searching · rollouts 250/1000 · best 0.396 (baseline 0.281) · front 3 · accepted 4, "
        "rejected 7 · in flight 16 · $0.0123 · failed attempts 2 · ETA 1:01:40"
    )


def test_display_when_not_a_terminal_then_prints_a_line_per_phase() -> None:
    out = io.StringIO()
    with ProgressDisplay(Console(file=out, width=40)) as display:
        display.show(ProgressSnapshot(phase=Phase.BASELINE))
        display.show(ProgressSnapshot(phase=Phase.BASELINE, rollouts=1))
        display.show(SEARCHING)
    assert [line.split(" · ")[0] for line in out.getvalue().splitlines()] == [
        "learning the baseline",
        "searching",
    ]
