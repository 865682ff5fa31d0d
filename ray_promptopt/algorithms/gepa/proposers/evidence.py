"""Examples within a token budget: the worst and most telling ones, long fields cut in the middle.

Invariant: what is rendered never has more tokens (by estimate) than the budget.
"""

from collections.abc import Callable, Sequence

from ray_promptopt.algorithms.gepa.proposers.requests import ReflectiveExample
from ray_promptopt.algorithms.wording import cut_middle
from ray_promptopt.core.tokens import CHARS_PER_TOKEN
from ray_promptopt.core.work import Evidence

ExampleRenderer = Callable[[int, ReflectiveExample], str]

PERFECT = 1.0
"""Scores are normalised: from here on an example was answered right."""

_LEAST_FIELD_CHARS = 400
"""Fields are cut down to this before an example is left out."""

_SEPARATOR = "\n\n"


def render_examples(
    examples: Sequence[ReflectiveExample],
    render: ExampleRenderer,
    budget_tokens: int,
    *,
    keeps_order: bool = False,
) -> str:
    """As many examples as the budget holds, numbered from 1; empty when not one fits.

    `keeps_order`: as given, as long as all fit whole; otherwise worst first.
    """
    max_chars = budget_tokens * CHARS_PER_TOKEN
    if keeps_order:
        whole = _render(examples, render)
        if len(whole) <= max_chars:
            return whole
    ranked = worst_first(examples)
    for count in range(len(ranked), 0, -1):
        chosen = _chosen(ranked, count)
        least = 0 if count == 1 else _LEAST_FIELD_CHARS
        text = _fitted(chosen, render, max_chars, least)
        if text is not None:
            return text
    return ""


def worst_first(examples: Sequence[ReflectiveExample]) -> list[ReflectiveExample]:
    """By score, ascending; among equals those with the most to say come first."""
    return sorted(examples, key=lambda e: (e.score, -len(e.evidence.feedback.strip())))


def _chosen(ranked: list[ReflectiveExample], count: int) -> list[ReflectiveExample]:
    """The worst `count`, the last of which gives way to a right one if none is among them."""
    chosen = ranked[:count]
    right = [example for example in ranked if example.score >= PERFECT]
    if count > 1 and right and chosen[-1].score < PERFECT:
        chosen[-1] = right[0]
    return chosen


def _fitted(
    examples: Sequence[ReflectiveExample], render: ExampleRenderer, max_chars: int, least: int
) -> str | None:
    """The examples with no field longer than the largest cap, from `least` on, that fits."""
    fields = [len(field) for e in examples for field in _fields(e.evidence)]
    low, high = least, max(max(fields), least)
    if len(_capped(examples, render, low)) > max_chars:
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if len(_capped(examples, render, middle)) <= max_chars:
            low = middle
        else:
            high = middle - 1
    return _capped(examples, render, low)


def _capped(examples: Sequence[ReflectiveExample], render: ExampleRenderer, cap: int) -> str:
    cut = []
    for example in examples:
        inputs, output, feedback = (cut_middle(text, cap) for text in _fields(example.evidence))
        cut.append(ReflectiveExample(Evidence(inputs, output, feedback), example.score))
    return _render(cut, render)


def _fields(evidence: Evidence) -> tuple[str, str, str]:
    return evidence.inputs.strip(), evidence.output.strip(), evidence.feedback.strip()


def _render(examples: Sequence[ReflectiveExample], render: ExampleRenderer) -> str:
    return _SEPARATOR.join(render(number, example) for number, example in enumerate(examples, 1))
