"""The section of `docs/benchmarks.md` about simulated schedules, made from a results file."""

import json
from pathlib import Path
from typing import Any

_HEAD = "| world | schedule | held-out | against reference | wall clock s | speed-up | slots busy |"


def section(path: Path) -> str:
    """One row per world and schedule, with what all of them share above."""
    document = json.loads(path.read_text(encoding="utf-8"))
    setup, rows = document["setup"], document["summaries"]
    shared = (
        f"{setup['rollout_budget']} rollouts, {setup['max_concurrent']} calls in flight, "
        f"{rows[0]['num_seeds']} seeds."
    )
    rule = "| --- " * 2 + "| ---: " * 5 + "|"
    return "\n".join([shared, "", _HEAD, rule, *(_row(row) for row in rows)])


def _row(row: dict[str, Any]) -> str:
    cells = (
        row["world"],
        row["schedule"],
        f"{row['held_out']:.3f}",
        _difference(row["against_baseline"]),
        f"{row['wall_s']:.0f}",
        f"{row['speed_up']:.2f}",
        f"{row['utilisation']:.0%}",
    )
    return f"| {' | '.join(cells)} |"


def _difference(compared: dict[str, Any] | None) -> str:
    """The paired difference with its 95 % interval, in points of 100."""
    if compared is None:
        return ""
    low, high = 100 * compared["low"], 100 * compared["high"]
    text = f"{100 * compared['difference']:+.1f} ({low:+.1f} to {high:+.1f})"
    return text if low > 0 or high < 0 else f"{text}: cannot tell"
