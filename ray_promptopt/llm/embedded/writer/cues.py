"""Chooses the phrases of an example that tell its label from others: short, of content words."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from ray_promptopt.llm.embedded.text import QUESTION_WORDS, STOP_WORDS, stem, stems_of, words_of

_MAX_CUE_CHARS = 40
_LENGTH_VALUE = {1: 1.0, 2: 1.5, 3: 0.8}


@dataclass(slots=True)
class CueContext:
    """What a cue is weighed against: label names, and what each label's examples say."""

    names: dict[str, frozenset[str]] = field(default_factory=dict)
    said: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    taken: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    avoided: frozenset[tuple[str, ...]] = frozenset()

    def add_label(self, label: str) -> None:
        """Make a label's name known."""
        self.names.setdefault(label, frozenset(stems_of(label.replace("_", " "))))

    def add_example(self, label: str, text: str) -> None:
        """Make an example's words known."""
        self.add_label(label)
        self.said.append((label, frozenset(stems_of(text))))

    def add_cues(self, label: str, cues: Iterable[str]) -> None:
        """Make the cues that a label has already known."""
        for cue in cues:
            self.taken.setdefault(tuple(stems_of(cue)), set()).add(label)


@dataclass(frozen=True, slots=True)
class CueChoice:
    """How cues are drawn: how many, and how far chance may override worth."""

    num_cues: int
    noise: float


def choose_cues(
    text: str, label: str, context: CueContext, choice: CueChoice, rng: random.Random
) -> list[str]:
    """The best phrases of the text for the label, few of whose words repeat."""
    worth = {
        phrase: _worth(phrase, label, context) + choice.noise * _gumbel(rng)
        for phrase in _phrases(text)
    }
    chosen: list[str] = []
    used: set[str] = set()
    while worth and len(chosen) < choice.num_cues:
        best = max(worth, key=lambda p: worth[p] - 0.9 * len(used & _content_stems(p)))
        del worth[best]
        if not _content_stems(best) <= used:
            chosen.append(best)
            used |= _content_stems(best)
    return chosen


def _phrases(text: str) -> list[str]:
    """Runs of one to three words that begin and end with a word of weight; no numbers."""
    words = words_of(text)
    found: dict[str, None] = {}
    for size in (1, 2, 3):
        for start in range(len(words) - size + 1):
            run = words[start : start + size]
            if _is_cue(run):
                found[" ".join(run)] = None
    # A cue is a hint, not the example: a short text may not be taken whole.
    return [phrase for phrase in found if len(phrase.split()) < max(2, len(words))]


def _is_cue(run: list[str]) -> bool:
    content = [word for word in run if word not in STOP_WORDS and word not in QUESTION_WORDS]
    if not content or any(ch.isdigit() for word in run for ch in word):
        return False
    if len(" ".join(run)) > _MAX_CUE_CHARS or (len(run) == 1 and len(run[0]) < 3):
        return False
    edges_weigh = all(w not in STOP_WORDS or w in QUESTION_WORDS for w in (run[0], run[-1]))
    return edges_weigh if len(run) > 1 else True


def _worth(phrase: str, label: str, context: CueContext) -> float:
    stems = tuple(stems_of(phrase))
    content = _content_stems(phrase)
    worth = _LENGTH_VALUE[len(stems)]
    others = [name for known, name in context.names.items() if known != label]
    shared = sum(1 for name in others if content <= name)
    worth -= min(1.0, 0.4 * math.log1p(shared))
    for said_by, said in context.said:
        if content <= said:
            worth += 0.25 if said_by == label else -0.5
    taken_by = context.taken.get(stems, set())
    worth -= 0.5 * len(taken_by - {label}) + 3.0 * (label in taken_by)
    if content <= context.names.get(label, frozenset()):
        worth -= 0.3
    return worth - (1.5 if stems in context.avoided else 0.0)


def _content_stems(phrase: str) -> frozenset[str]:
    return frozenset(stem(word) for word in phrase.split() if word not in STOP_WORDS)


def _gumbel(rng: random.Random) -> float:
    return -math.log(-math.log(min(max(rng.random(), 1e-9), 1 - 1e-9)))
