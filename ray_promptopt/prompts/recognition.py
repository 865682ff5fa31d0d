"""Which of several texts another one is made of, by longest common subsequence of words.

Judged on what sets the texts apart: a run of words that two of them share decides nothing, so
that a long list that ends every prompt cannot outvote a short instruction.
"""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher

LEAST_RATIO = 0.5
"""So much of what is a text's own must be there."""
LEAST_LEAD = 0.1
"""So far ahead of the next it must be."""

_WORD = re.compile(r"\w+|[^\w\s]")
_LEAST_RUN = 3  # words in a row that two texts share: fewer are an accident
_MOST_WORDS = 3_000  # of a text's beginning, and a third as many of its end: the cost is quadratic

Words = tuple[str, ...]


def own_words(texts: Mapping[str, str]) -> dict[str, Words]:
    """Each text's words without the runs that it shares with any other."""
    words = {name: _words(text) for name, text in texts.items()}
    return {
        name: _without_shared(mine, [words[other] for other in words if other != name])
        for name, mine in words.items()
    }


def ratios(own: Mapping[str, Words], text: str) -> dict[str, float]:
    """How much of each text's own words stands in `text`, in their order: 0 to 1.

    A text without words of its own is recognised by the absence of the others'.
    """
    words = _words(text)
    found = {name: _ratio(mine, words) for name, mine in own.items() if mine}
    absent = 1.0 - max(found.values(), default=1.0)
    return {name: found.get(name, absent) for name in own}


def clear_best(found: Mapping[str, float]) -> str | None:
    """The name whose ratio is high enough and clearly ahead; None when there is none."""
    ranked = sorted(found, key=lambda name: -found[name])
    if not ranked or found[ranked[0]] < LEAST_RATIO:
        return None
    if len(ranked) > 1 and found[ranked[0]] - found[ranked[1]] < LEAST_LEAD:
        return None
    return ranked[0]


def shown(found: Mapping[str, float]) -> str:
    """The ratios, the highest first, for a message."""
    ranked = sorted(found.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {ratio:.2f}" for name, ratio in ranked)


def _words(text: str) -> Words:
    words = _WORD.findall(text.casefold())
    if len(words) > _MOST_WORDS:
        words = [*words[:_MOST_WORDS], *words[_MOST_WORDS:][-_MOST_WORDS // 3 :]]
    return tuple(words)


def _without_shared(mine: Words, others: list[Words]) -> Words:
    shared = [False] * len(mine)
    for other in others:
        matcher = SequenceMatcher(None, mine, other, autojunk=False)
        for block in matcher.get_matching_blocks():
            if block.size >= _LEAST_RUN:
                shared[block.a : block.a + block.size] = [True] * block.size
    return tuple(word for word, is_shared in zip(mine, shared, strict=True) if not is_shared)


def _ratio(mine: Words, words: Words) -> float:
    matcher = SequenceMatcher(None, mine, words, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / len(mine)
