"""What several messages have in common: the static segments, found by longest common subsequence.

Words that two messages share by accident must not become static text, so that a common run
counts only when it holds at least `MIN_WORDS` words; anything shorter stays data.
"""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from ray_promptopt.prompts.template import Template, unused_name

MIN_WORDS = 3
_TOKEN = re.compile(r"\s+|\w+|[^\w\s]")
_GAP = "\0"
"""Stands between segments; never equal to a token of a message, which it is not taken from."""


def learn_template(messages: Sequence[str]) -> Template:
    """The template that matches every message, with `{data_1}`, `{data_2}` … for what differs.

    A template without any static text is a single wildcard.
    """
    if all(message == messages[0] for message in messages):
        return Template(messages[0])
    skeleton = _TOKEN.findall(messages[0])
    for message in messages[1:]:
        skeleton = _common(skeleton, _TOKEN.findall(message))
    template = _template(_segments(skeleton), messages)
    if all(template.match(message) is not None for message in messages):
        return template
    return Template("{data_1}", ("data_1",))


def _common(skeleton: list[str], tokens: list[str]) -> list[str]:
    """The tokens of both, in order, with a gap wherever either has something in between."""
    matcher = SequenceMatcher(None, skeleton, tokens, autojunk=False)
    kept: list[str] = []
    end_a = end_b = 0
    for block in matcher.get_matching_blocks():
        if block.a > end_a or block.b > end_b:
            kept.append(_GAP)
        kept += skeleton[block.a : block.a + block.size]
        end_a, end_b = block.a + block.size, block.b + block.size
    return kept


def _segments(skeleton: Sequence[str]) -> list[str]:
    """The runs between gaps, `""` where a run is too short to be more than an accident."""
    runs: list[list[str]] = [[]]
    for token in skeleton:
        if token == _GAP:
            runs.append([])
        else:
            runs[-1].append(token)
    last = len(runs) - 1
    trimmed = [
        _trimmed(run, after_gap=index > 0, before_gap=index < last)
        for index, run in enumerate(runs)
    ]
    return [
        "".join(run) if sum(token[0].isalnum() for token in run) >= MIN_WORDS else ""
        for run in trimmed
    ]


def _trimmed(run: list[str], *, after_gap: bool, before_gap: bool) -> list[str]:
    """The run without what touches data by accident: a few examples may all end in "?".

    It begins at its first line break, else at its first punctuation; it ends after its last line
    break or colon. What is cut off counts as data, which is always safe.
    """
    start, end = 0, len(run)
    if after_gap:
        breaks = [index for index, token in enumerate(run) if "\n" in token]
        marks = [index for index, token in enumerate(run) if not token[0].isalnum()]
        start = min(breaks or marks or [0])
    if before_gap:
        closing = [index for index, token in enumerate(run) if "\n" in token or token == ":"]
        end = max(closing) + 1 if closing else len(run)
    return run[start:end]


def _template(segments: Sequence[str], messages: Sequence[str]) -> Template:
    inner = [segment for segment in segments[1:-1] if segment]
    literals = [segments[0], *inner, segments[-1]] if len(segments) > 1 else ["", ""]
    names: list[str] = []
    text = literals[0]
    for number, literal in enumerate(literals[1:], start=1):
        name = unused_name((*messages, text), number)
        names.append(name)
        text += f"{{{name}}}{literal}"
    return Template(text, tuple(names))
