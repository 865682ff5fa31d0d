"""How the search went: the best score over rollouts, and reward against prompt length."""

from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.work import DecisionKind
from ray_promptopt.prompts.demonstrations import shown_texts
from ray_promptopt.report.charts import Mark, axis, chart, dots, level, line, rug
from ray_promptopt.store.run_view import CandidateRecord, RunView, show_score

_SCORE = "mean validation reward"
_GIVEN_UP = frozenset({DecisionKind.CANDIDATE_REJECTED, DecisionKind.PROPOSAL_DISCARDED})


def curve_figure(view: RunView) -> str:
    """The best score as a line, accepted candidates as dots, those given up on the edge."""
    best = [(point.rollouts, point.best) for point in view.curve if point.best is not None]
    marks = [
        Mark(
            point.rollouts,
            point.score,
            _kind(point.candidate_id, view),
            f"{point.candidate_id}: {point.score:.3f} after {point.rollouts} rollouts",
        )
        for point in view.curve
        if point.kind is DecisionKind.CANDIDATE_SCORED and point.score is not None
    ]
    if not best or not marks:
        return ""
    rejected = [
        point.rollouts
        for point in view.curve
        if point.kind in _GIVEN_UP and point.candidate_id is not None
    ]
    x = axis([0, view.search_rollouts], "rollouts of the search", whole=True)
    y = axis([value for _, value in best] + [mark.y for mark in marks], _SCORE)
    drawn = chart(
        f"Best {_SCORE} over rollouts",
        x,
        y,
        level(best[0][1], y),
        rug(rejected, x),
        line(best, x, y, until=view.search_rollouts),
        dots(marks, x, y),
    )
    fate = f", strokes below {len(rejected)} rejected or discarded" if rejected else ""
    return (
        '<figure id="curve"><figcaption><b>Score over rollouts.</b> The line is the best so far, '
        f"the dashes the baseline; dots are accepted candidates{fate}.</figcaption>{drawn}</figure>"
    )


def front_figure(view: RunView) -> str:
    """Accepted candidates by reward and prompt length, the ones that nothing dominates marked."""
    scored = [
        (prompt_tokens(record), record.validation_mean, record)
        for record in view.accepted
        if record.validation_mean is not None
    ]
    if not scored:
        return ""
    front = _front({(length, mean) for length, mean, _ in scored})
    marks = []
    for length, mean, record in scored:
        kind = _kind(record.candidate.id, view)
        if kind == "accepted":
            kind = "front" if (length, mean) in front else "dominated"
        label = f"{record.candidate.id}: {show_score(mean)}, about {length} tokens"
        marks.append(Mark(length, mean, kind, label))
    x = axis([mark.x for mark in marks], "prompt length, tokens (estimated)", whole=True)
    y = axis([mark.y for mark in marks], _SCORE)
    drawn = chart(
        "Pareto front of reward and prompt length",
        x,
        y,
        line(front, x, y, until=x.high),
        dots(sorted(marks, key=lambda mark: mark.kind == "best"), x, y),
    )
    return (
        '<figure id="front"><figcaption><b>Reward against prompt length.</b> The line is the '
        "Pareto front: nothing shorter scores more; hollow dots are dominated.</figcaption>"
        f"{drawn}</figure>"
    )


LEGEND = (
    '<p class="legend"><span><svg viewBox="0 0 18 18"><path class="mark best" d="M9,1 l8,8 l-8,8 '
    'l-8,-8 z"/></svg>best</span><span><svg viewBox="0 0 18 18"><rect class="mark initial" '
    'x="3.5" y="3.5" width="11" height="11"/></svg>baseline</span><span><svg viewBox="0 0 18 18">'
    '<circle class="mark accepted" cx="9" cy="9" r="5"/></svg>accepted</span></p>'
)
"""The shapes that the charts share."""


def prompt_tokens(record: CandidateRecord) -> int:
    """Length of a candidate's texts and demonstrations together, estimated."""
    return sum(map(estimate_tokens, shown_texts(record.candidate).values()))


def _kind(candidate_id: str | None, view: RunView) -> str:
    if candidate_id == view.best_id:
        return "best"
    return "initial" if candidate_id == view.initial_id else "accepted"


def _front(points: set[tuple[int, float]]) -> list[tuple[int, float]]:
    """The points with more reward than every shorter one, from short to long."""
    front: list[tuple[int, float]] = []
    for length, mean in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or mean > front[-1][1]:
            front.append((length, mean))
    return front
