"""What the best prompt gained on seeds that the search never saw, with its uncertainty."""

from collections import Counter

from ray_promptopt.core.work import Purpose
from ray_promptopt.runs.comparison import PairedComparison, held_out_comparison
from ray_promptopt.store.run_view import RunView

_WIDTH, _LEFT, _RIGHT = 560, 24, 24


def held_out_section(view: RunView) -> str:
    """The paired difference, its interval on a scale with zero, and a verdict in words."""
    comparison = held_out_comparison(view)
    if comparison is None:
        words = "Not evaluated yet: <code>ray-promptopt evaluate</code> does it."
        if view.rollouts_by_purpose.get(Purpose.HELD_OUT):
            words = "Not enough seeds were scored to compare."
        if view.search_ended and view.best is view.initial:
            words = "No better prompt was found: there is nothing to compare."
        return f'<p class="dim" id="held-out">{words}</p>'
    return (
        f'<figure id="held-out"><figcaption>{_verdict(comparison)}</figcaption>'
        f"{_interval_svg(comparison)}<p>{_pairs(view)}</p></figure>"
    )


def _verdict(comparison: PairedComparison) -> str:
    figures = (
        f"{comparison.baseline_mean:.3f} → {comparison.candidate_mean:.3f}, a difference of "
        f"{comparison.difference:+.3f} with a 95 % interval of {comparison.low:+.3f} to "
        f"{comparison.high:+.3f}, on {comparison.num_seeds} seeds that the search never saw, paired"
    )
    if not comparison.distinguishable:
        head = "Not distinguishable from the baseline."
    elif comparison.difference > 0:
        head = "Better than the baseline."
    else:
        head = "Worse than the baseline."
    return f"<b>{head}</b> {figures}."


def _pairs(view: RunView) -> str:
    before = view.initial.held_out if view.initial else {}
    after = view.best.held_out if view.best else {}
    signs = Counter(
        (after[seed].score > before[seed].score) - (after[seed].score < before[seed].score)
        for seed in before.keys() & after.keys()
    )
    return f"Examples gained: {signs[1]}, lost: {signs[-1]}, unchanged: {signs[0]}."


def _interval_svg(comparison: PairedComparison) -> str:
    ends = (comparison.low, comparison.high, 0.0)
    room = (max(ends) - min(ends)) * 0.12 or 0.1
    low, high = min(ends) - room, max(ends) + room

    def px(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    zero, middle = px(0.0), px(comparison.difference)
    start, end = px(comparison.low), px(comparison.high)
    return (
        f'<svg class="interval" viewBox="0 0 {_WIDTH} 76" role="img">'
        "<title>Difference to the baseline with its 95 % interval</title>"
        f'<line class="level" x1="{zero:.1f}" x2="{zero:.1f}" y1="6" y2="54"/>'
        f'<text class="tick" x="{zero:.1f}" y="70" text-anchor="middle">no difference</text>'
        f'<line class="whisker" x1="{start:.1f}" x2="{end:.1f}" y1="30" y2="30"/>'
        f'<line class="whisker" x1="{start:.1f}" x2="{start:.1f}" y1="22" y2="38"/>'
        f'<line class="whisker" x1="{end:.1f}" x2="{end:.1f}" y1="22" y2="38"/>'
        f'<circle class="mark best" cx="{middle:.1f}" cy="30" r="7"/>'
        f'<text class="tick strong" x="{middle:.1f}" y="14" text-anchor="middle">'
        f"{comparison.difference:+.3f}</text></svg>"
    )
