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
    return [
        "".join(run) if sum(token[0].isalnum() for token in run) >= MIN_WORDS else ""
        for run in runs
    ]


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
