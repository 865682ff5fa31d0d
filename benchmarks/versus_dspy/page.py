"""The section of `docs/benchmarks.md` that a results file of this comparison gives."""

from pathlib import Path

from benchmarks.versus.page import points, ratio
from benchmarks.versus.summary import verdict
from benchmarks.versus_dspy.curves import draw
from benchmarks.versus_dspy.record import PACKAGE, Comparison
from benchmarks.versus_dspy.summary import heads, small_against_large, standings

SMALL, LARGE = "96", "300"


def section(comparison: Comparison, docs: Path) -> str:
    """Markdown; the curves are drawn into `docs/images`."""
    parts = [_setting(comparison)]
    for task in dict.fromkeys(run.task for run in comparison.runs):
        image = docs / "images" / f"mipro-{task}.svg"
        draw(comparison, task, image)
        parts += [
            f"#### {task}",
            f"![Held-out accuracy on {task}]({image.relative_to(docs).as_posix()})",
            _table(comparison, task),
            _head_to_head(comparison, task),
            _convergence(comparison, task),
        ]
    parts += [f"{task} was left out: {reason}" for task, reason in comparison.skipped.items()]
    return "\n\n".join(part for part in parts if part)


def _setting(comparison: Comparison) -> str:
    setting = comparison.setting
    versions = ", ".join(f"{name} {value}" for name, value in comparison.versions.items())
    return (
        f"{len(setting.seeds)} paired seeds (each draws its own training and validation rows), at "
        f"most {setting.max_concurrent} calls in flight. The models are embedded stand-ins "
        f"(`{setting.policy_model}`, `embedded/writer`) with simulated log-normal latencies: "
        f"median {setting.policy_median_s:g} s for an answer, {setting.meta_median_s:g} s for a "
        f"text, sigma {setting.latency_sigma:g}; computing takes no time. Versions: {versions}."
    )


def _table(comparison: Comparison, task: str) -> str:
    head = (
        "| size | contestant | held-out | against the baseline | answers | texts written | "
        "seconds | in flight |\n|---|---|---:|---:|---:|---:|---:|---:|"
    )
    rows = [
        f"| {row.size} | {row.contestant} | {row.held_out:.3f} | {points(row.gain)} | "
        f"{row.policy_calls:.0f} | {row.meta_calls:.1f} | {row.seconds:.1f} | {row.in_flight:.1f} |"
        for row in standings(comparison, task)
    ]
    return "\n".join([head, *rows])


def _head_to_head(comparison: Comparison, task: str) -> str:
    head = f"| size | ours against `{PACKAGE}`, held-out | | times as fast |\n|---|---:|---|---:|"
    rows = [
        f"| {row.size} | {points(row.held_out)} | {verdict(row.held_out)} | "
        f"{ratio(row.times_faster)} |"
        for row in heads(comparison, task)
    ]
    return "\n".join([head, *rows]) if rows else ""


def _convergence(comparison: Comparison, task: str) -> str:
    """How much more ours finds in more rollouts."""
    compared = small_against_large(comparison, task, SMALL, LARGE)
    if compared is None:
        return ""
    within = "within" if compared.difference <= 0.01 else "not within"
    sure = compared.high <= 0.01 or compared.low > 0.01
    doubt = "" if sure else "; the interval leaves it open"
    return (
        f"{LARGE} rollouts against {SMALL}, ours: {points(compared)} points: {within} 1 point on "
        f"average{doubt}."
    )
