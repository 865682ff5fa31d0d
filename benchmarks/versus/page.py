"""The section of `docs/benchmarks.md` that a results file of this comparison gives."""

import math
from pathlib import Path

from benchmarks.versus.contestants import ON_RAY
from benchmarks.versus.curves import draw
from benchmarks.versus.record import Comparison
from benchmarks.versus.summary import (
    CLOCK_SHARE,
    SINGLE_LANE,
    Standing,
    difference,
    standings,
    verdict,
)
from ray_promptopt.runs.comparison import PairedComparison

OURS = "ours "


def section(comparison: Comparison, docs: Path) -> str:
    """Markdown; the curves are drawn into `docs/images`."""
    parts = [_setting(comparison)]
    for task in comparison.tasks():
        image = docs / "images" / f"gepa-{task}-{_kind(comparison)}.svg"
        draw(comparison, task, image)
        rows = standings(comparison, task)
        parts += [
            f"#### {task}",
            f"![Held-out accuracy on {task}]({image.relative_to(docs).as_posix()})",
            _table(rows),
            _head_to_head(comparison, task),
        ]
    parts += [f"{task} was left out: {reason}" for task, reason in comparison.skipped.items()]
    return "\n\n".join(part for part in parts if part)


def _kind(comparison: Comparison) -> str:
    setting = comparison.setting
    return f"{setting.max_concurrent}{'-http' if setting.over_http else ''}"


def _setting(comparison: Comparison) -> str:
    setting = comparison.setting
    versions = ", ".join(f"{name} {value}" for name, value in comparison.versions.items())
    return (
        f"{len(setting.seeds)} paired seeds (each draws its own training and validation rows), "
        f"{setting.rollout_budget} rollouts, minibatches of {setting.minibatch_size}, at most "
        f"{setting.max_concurrent} calls in flight. The models are embedded stand-ins "
        f"(`{setting.policy_model}`, `embedded/writer`) with simulated log-normal latencies: "
        f"median {setting.policy_median_s:g} s for an answer, {setting.reflection_median_s:g} s "
        f"for a reflection, sigma {setting.latency_sigma:g}. Held-out rows are scored outside "
        f"budget and clock. {_time(comparison)} Versions: {versions}."
    )


def _time(comparison: Comparison) -> str:
    """What the seconds are, and what computing takes beside them."""
    # The whole system's CPU is measured by a benchmark of its own.
    runs = [run for run in comparison.runs if run.contestant != ON_RAY]
    cpu_s = sum(run.cpu_s for run in runs)
    per_rollout_ms = 1000 * cpu_s / sum(run.rollouts for run in runs)
    computing = f"contestant and models computed {per_rollout_ms:.2f} ms per rollout"
    if not comparison.setting.over_http:
        return f"Time is simulated: calls take their latency, computing takes none ({computing})."
    share = 100 * cpu_s / sum(run.wall_s for run in runs)
    starts = [run.start_up_s for run in comparison.runs if run.contestant == ON_RAY]
    on_ray = (
        f" `{ON_RAY}` took {max(starts):.0f} s at most to start, not counted." if starts else ""
    )
    return (
        f"The models run in a process of their own, over HTTP, in real time; {computing}, "
        f"{share:.0f} % of one core.{on_ray}"
    )


def _table(rows: list[Standing]) -> str:
    share = f"{100 * CLOCK_SHARE:.0f} %"
    head = (
        f"| contestant | held-out at the end | against `{SINGLE_LANE}` | mean of the curve | "
        f"against `{SINGLE_LANE}` | seconds to {share} of the budget | times as fast | seconds to "
        f"`{SINGLE_LANE}`'s end | in flight | rollouts | reflections |"
    )
    rule = "|---|" + "---:|" * 10
    return "\n".join([head, rule, *(_row(row) for row in rows)])


def _row(row: Standing) -> str:
    reached = row.seconds_to_single_lane
    cells = [
        row.contestant,
        f"{row.final:.3f}",
        points(row.final_difference),
        f"{row.mean:.3f}",
        points(row.mean_difference),
        f"{row.seconds:.1f}",
        ratio(row.times_faster),
        "not reached" if reached is None else f"{reached:.1f}",
        f"{row.in_flight:.1f}",
        f"{row.rollouts:.0f}",
        f"{row.reflections:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _head_to_head(comparison: Comparison, task: str) -> str:
    """Each of ours against each of the package's, mean of the curve and clock."""
    ours = [name for name in comparison.contestants() if name.startswith(OURS)]
    theirs = [name for name in comparison.contestants() if not name.startswith(OURS)]
    lines = []
    for mine in ours:
        for other in theirs:
            final, mean, clock = (
                difference(comparison, task, other, mine, measure)
                for measure in ("final", "mean", "seconds")
            )
            lines.append(
                f"| {mine} | {other} | {points(final)} | {verdict(final)} | {points(mean)} | "
                f"{verdict(mean)} | {ratio(clock)} |"
            )
    head = "| | against | at the end | | mean of the curve | | times as fast |\n"
    return head + "|---|---|---:|---|---:|---|---:|\n" + "\n".join(lines) if lines else ""


def points(compared: PairedComparison | None) -> str:
    """A difference of shares in points of 100, with its interval."""
    if compared is None:
        return ""
    low, high = 100 * compared.low, 100 * compared.high
    return f"{100 * compared.difference:+.1f} ({low:+.1f} to {high:+.1f})"


def ratio(compared: PairedComparison | None) -> str:
    """A difference of logarithms as a ratio, with its interval."""
    if compared is None:
        return ""
    mean, low, high = (math.exp(v) for v in (compared.difference, compared.low, compared.high))
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"
