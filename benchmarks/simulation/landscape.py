"""A world whose truth is known: which lessons an example needs, and what a text does to it.

The tables are drawn once per (world, seed); what a text scores is a function of its tokens.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.simulation.chance import chance
from benchmarks.simulation.tokens import Token, read_tokens
from ray_promptopt.algorithms.randomness import stream

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """One kind of world. Shares and chances lie in 0..1."""

    lessons: int = 20
    """How many lessons there are to be found."""
    needs: int = 1
    """The most lessons that one example needs, all of them at once."""
    skew: float = 0.0
    """Exponent of a power law over lessons: 0, all are needed equally often."""
    easy_share: float = 0.05
    """Share of examples that need no lesson."""
    train: int = 60
    validation: int = 40
    held_out: int = 400
    quality: float = 0.6
    """Chance that a reflection teaches a lesson of a failed example that it was shown."""
    thoroughness: float = 0.25
    """Chance that it teaches each further such lesson in the same edit."""
    broad_share: float = 0.0
    """Chance that a lesson is taught in a form that breaks other examples."""
    breakage: float = 0.08
    """Share of all examples that one broad form breaks."""
    contradictions: int = 0
    """Pairs of lessons of which the one named later in the text silences the earlier."""
    merge_loss: float = 0.0
    """Chance that a merge by the reflection model loses one verified edit."""
    noise: float = 0.0
    """Chance that a rollout comes out the other way, drawn per rollout."""
    length_price: float = 0.0
    """What each token of the prompt takes off every score."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a text does: right or wrong per example (by row), its price, and its tokens."""

    right: BoolArray
    price: float
    tokens: tuple[Token, ...]
    taught: BoolArray


class Landscape:
    """The truth about one world. Seeds 0.. are rows: train, then validation, then held out."""

    def __init__(self, settings: WorldSettings, seed: int) -> None:
        self.settings = settings
        self.seed = seed
        self.num_rows = settings.train + settings.validation + settings.held_out
        rng = stream(seed, "landscape", "needs")
        self._needs = _draw_needs(settings, self.num_rows, rng)
        self._rivals = _draw_rivals(settings, rng)
        self._broken: dict[str, BoolArray] = {}
        self._effects: dict[tuple[str, ...], Effect] = {}

    @property
    def train(self) -> tuple[int, ...]:
        """Seeds that minibatches may be drawn from."""
        return tuple(range(self.settings.train))

    @property
    def validation(self) -> tuple[int, ...]:
        """Seeds that candidates are scored on."""
        return tuple(range(self.settings.train, self.settings.train + self.settings.validation))

    def effect(self, texts: Iterable[str]) -> Effect:
        """What these texts do together, on every row."""
        key = tuple(texts)
        if key not in self._effects:
            self._effects[key] = self._work_out(read_tokens("\n".join(key)))
        return self._effects[key]

    def held_out_score(self, texts: Iterable[str]) -> float:
        """The true mean score on the rows that no search sees; noise-free."""
        effect = self.effect(texts)
        return float(effect.right[-self.settings.held_out :].mean()) - effect.price

    def missing(self, effect: Effect, row: int) -> tuple[int, ...]:
        """The lessons that this row needs and the text does not teach."""
        return tuple(int(lesson) for lesson in np.flatnonzero(self._needs[row] & ~effect.taught))

    def misleading(self, effect: Effect, row: int) -> tuple[Token, ...]:
        """The tokens of the text that break this row."""
        return tuple(t for t in effect.tokens if t.is_broad and self._breaks(t)[row])

    def _work_out(self, tokens: tuple[Token, ...]) -> Effect:
        taught = np.zeros(self.settings.lessons, dtype=np.bool_)
        for token in tokens:
            if token.lesson is None or token.lesson >= self.settings.lessons:
                continue
            taught[token.lesson] = True
            rival = self._rivals.get(token.lesson)
            if rival is not None:
                taught[rival] = False
        right: BoolArray = np.logical_not((self._needs & ~taught).any(axis=1))
        for token in tokens:
            if token.is_broad:
                right &= ~self._breaks(token)
        return Effect(right, self.settings.length_price * len(tokens), tokens, taught)

    def _breaks(self, token: Token) -> BoolArray:
        """Which rows a broad token breaks; never those that need its lesson."""
        if token.word not in self._broken:
            rng = stream(self.seed, "breaks", token.word)
            broken = rng.random(self.num_rows) < self.settings.breakage
            lesson = token.lesson
            if lesson is not None and lesson < self.settings.lessons:
                broken &= ~self._needs[:, lesson]
            self._broken[token.word] = broken
        return self._broken[token.word]

    def rollout_score(self, effect: Effect, row: int, work_id: str) -> tuple[bool, float]:
        """Whether this rollout came out right, and its score."""
        flipped = chance(self.seed, "noise", work_id) < self.settings.noise
        right = bool(effect.right[row]) != flipped
        return right, float(right) - effect.price


def _draw_needs(settings: WorldSettings, num_rows: int, rng: np.random.Generator) -> BoolArray:
    weights = 1.0 / np.arange(1, settings.lessons + 1) ** settings.skew
    counts = rng.integers(1, settings.needs + 1, size=num_rows)
    counts[rng.random(num_rows) < settings.easy_share] = 0
    # Gumbel top-k: the k highest keys are k draws without replacement in proportion to weights.
    keys = np.log(weights) + rng.gumbel(size=(num_rows, settings.lessons))
    ranks = np.argsort(np.argsort(-keys, axis=1), axis=1)
    needs: BoolArray = ranks < counts[:, np.newaxis]
    return needs


def _draw_rivals(settings: WorldSettings, rng: np.random.Generator) -> dict[int, int]:
    drawn = [int(x) for x in rng.permutation(settings.lessons)[: 2 * settings.contradictions]]
    pairs = list(zip(drawn[::2], drawn[1::2], strict=True))
    return dict(pairs) | {second: first for first, second in pairs}
