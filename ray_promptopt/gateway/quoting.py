"""Whether a model quotes the prompt it was given. That cannot be prevented, but it can be known."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.prompts.learning import LearnedBaseline

QUOTE_WORDS = 8
"""So many words in a row that stand in the candidate and not in the baseline are no accident."""
QUOTED = "the model's answer quotes words of the candidate that the app never sent"
_WORD = re.compile(r"\w+")


def quotes_candidate(said: Any, binding: TrialBinding) -> bool:
    """Whether any text of the answer, as JSON, holds an n-gram that only the candidate can have
    given it: every choice counts, and what is said beside a call of a tool."""
    if binding.candidate is None or binding.baseline is None:
        return False
    found = frozenset[str]().union(*map(_ngrams, _long_texts(said)))
    return bool(found) and not found.isdisjoint(_own_ngrams(binding.candidate, binding.baseline))


def _long_texts(value: Any) -> Iterator[str]:
    """Those with room for so many words; the many tokens of log probabilities have none."""
    if isinstance(value, str):
        if len(value) >= 2 * QUOTE_WORDS - 1:
            yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _long_texts(inner)


@lru_cache(maxsize=256)
def _own_ngrams(candidate: Candidate, baseline: LearnedBaseline) -> frozenset[str]:
    """Of its texts and of its examples' inputs; their outputs are there to be imitated."""
    texts = [text for _, text in candidate.components]
    texts += [demo.inputs for _, chosen in candidate.demos for demo in chosen]
    known = (text for _, text in baseline.initial_candidate().components)
    return frozenset().union(*map(_ngrams, texts)) - frozenset().union(*map(_ngrams, known))


def _ngrams(text: str) -> frozenset[str]:
    words = _WORD.findall(text.casefold())
    return frozenset(
        " ".join(words[start : start + QUOTE_WORDS])
        for start in range(len(words) - QUOTE_WORDS + 1)
    )
