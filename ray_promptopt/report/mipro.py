"""MIPRO's own part of the report: trials over time, and what is thought of every choice.

Made from the journal alone. Instructions and demonstration sets are numbered as they were first
tried; number 0 is the baseline's.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import DemoSet
from ray_promptopt.core.work import DecisionKind
from ray_promptopt.prompts.demonstrations import demos_as_text, without_demos
from ray_promptopt.report.charts import Mark, axis, chart, dots, level, line
from ray_promptopt.report.tables import heads
from ray_promptopt.store.run_view import CandidateRecord, RunView, show_score

_GOOD_SHARE = 0.25
_SCORE = "mean validation reward"


@dataclass(frozen=True, slots=True)
class Belief:
    """What is thought of one choice: how often it was tried, on how many seeds, how well.

    `good` and `bad` are the shares of the good and of the other trials that used it.
    """

    variable: str
    number: int
    text: str
    trials: int
    scores: int
    mean: float
    good: float
    bad: float
    in_best: bool


def trials_figure(view: RunView) -> str:
    """Every trial when it was first scored, and again when it was scored on more seeds."""
    best = _best_over_time(view)
    seen: Counter[str] = Counter()
    marks = []
    for point in view.curve:
        if point.kind is not DecisionKind.CANDIDATE_SCORED or point.score is None:
            continue
        name = str(point.candidate_id)
        seen[name] += 1
        kind = "dominated" if seen[name] == 1 else "accepted"
        if name == view.initial_id:
            kind = "initial"
        words = "minibatch" if seen[name] == 1 else "on more seeds"
        label = f"{name}, {words}: {point.score:.3f} after {point.rollouts} rollouts"
        marks.append(Mark(point.rollouts, point.score, kind, label))
    if not best or not marks:
        return ""
    x = axis([0, view.search_rollouts], "rollouts of the search", whole=True)
    y = axis([value for _, value in best] + [mark.y for mark in marks], _SCORE)
    drawn = chart(
        f"Trials: {_SCORE} over rollouts",
        x,
        y,
        level(best[0][1], y),
        line(best, x, y, until=view.search_rollouts),
        dots(marks, x, y),
    )
    return (
        '<figure id="trials"><figcaption><b>Trials over rollouts.</b> A hollow dot is a '
        "combination on its minibatch, a filled one the same on more seeds; few seeds say little, "
        "so that a high hollow dot need not be the best. The line is the mean of the best so far, "
        f"the dashes the baseline.</figcaption>{drawn}</figure>"
    )


def _best_over_time(view: RunView) -> list[tuple[int, float]]:
    """The mean of the best when it became that, and each time that it was scored on more seeds.

    In between an evaluation is under way, and a mean of a few of its seeds would be shown.
    """
    steps: list[tuple[int, float]] = []
    best_id = view.initial_id
    for point in view.curve:
        if point.kind is DecisionKind.NEW_BEST:
            best_id = point.candidate_id
        elif point.kind is not DecisionKind.CANDIDATE_SCORED or point.candidate_id != best_id:
            continue
        if point.score is not None:
            steps.append((point.rollouts, point.score))
    return steps


def beliefs_section(view: RunView) -> str:
    """A row per instruction and demonstration set."""
    rows = "".join(_row(belief) for belief in beliefs(view))
    if not rows:
        return ""
    head = heads(
        ("choice", False), ("trials", True), ("scores", True), ("estimate", True),
        ("of good trials", True), ("of the others", True), ("text", False),
    )  # fmt: skip
    return (
        '<h2>Instructions and demonstrations</h2><p class="dim">What the trials say of every '
        "choice, whatever it was combined with: the mean over all its scores, and its share of "
        f"the best {_GOOD_SHARE:.0%} of the trials beside its share of the others. The sampler "
        "prefers what is common among the good and rare among the others.</p>"
        f'<div class="scroll"><table id="beliefs"><thead>{head}</thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def beliefs(view: RunView) -> list[Belief]:
    """Choices in the order in which they were first tried, variable by variable."""
    tried = [record for record in view.candidates.values() if record.validation]
    ranked = sorted(tried, key=lambda record: -(record.validation_mean or 0.0))
    good = ranked[: max(1, math.ceil(_GOOD_SHARE * len(ranked)))]
    others = ranked[len(good) :]
    best = choices(view.best.candidate) if view.best else {}
    found: list[Belief] = []
    for variable, texts in tried_choices(tried).items():
        for number, text in enumerate(texts):
            users = _using(tried, variable, text)
            scores = [o.score for record in users for o in record.validation.values()]
            found.append(
                Belief(
                    variable,
                    number,
                    text,
                    len(users),
                    len(scores),
                    math.fsum(scores) / len(scores),
                    len(_using(good, variable, text)) / len(good),
                    len(_using(others, variable, text)) / max(1, len(others)),
                    best.get(variable) == text,
                )
            )
    return found


def tried_choices(tried: Sequence[CandidateRecord]) -> dict[str, list[str]]:
    """Variable to its choices; the place of one in the list is its number."""
    chosen = [choices(record.candidate) for record in tried]
    return {
        variable: list(dict.fromkeys(each[variable] for each in chosen))
        for variable in (chosen[0] if chosen else ())
    }


def choices(candidate: Candidate) -> dict[str, str]:
    """Variable to choice: the instruction of each component, and the demonstrations."""
    split = {name: without_demos(text) for name, text in candidate.texts.items()}
    chosen = {f"instruction: {name}": instruction for name, (instruction, _) in split.items()}
    in_text = [block for _, block in split.values() if block]
    shown = [_stage_text(stage, demos) for stage, demos in candidate.demos]
    return {**chosen, "demonstrations": "\n\n".join([*in_text, *shown])}


def _stage_text(stage: str, demos: DemoSet) -> str:
    return f"{stage}:\n{demos_as_text(demos)}"


def _using(records: list[CandidateRecord], variable: str, text: str) -> list[CandidateRecord]:
    return [record for record in records if _choice(record, variable) == text]


def _choice(record: CandidateRecord, variable: str) -> str | None:
    chosen: Mapping[str, str] = choices(record.candidate)
    return chosen.get(variable)


def _row(belief: Belief) -> str:
    name = f"{belief.variable} {belief.number}"
    mark = " <b>(in the best)</b>" if belief.in_best else ""
    words = escape(belief.text) if belief.text else "none"
    figures = (
        str(belief.trials),
        str(belief.scores),
        show_score(belief.mean),
        f"{belief.good:.0%}",
        f"{belief.bad:.0%}",
    )
    cells = "".join(f'<td class="n">{figure}</td>' for figure in figures)
    shown = f"<details><summary>show</summary><pre class='prompt'>{words}</pre></details>"
    text = shown if belief.text else f'<span class="dim">{words}</span>'
    return f"<tr><td>{escape(name)}{mark}</td>{cells}<td>{text}</td></tr>"
