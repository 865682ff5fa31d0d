"""All admitted candidates, their sparse validation scores, and the front per validation seed.

Scores live in a float matrix candidate x seed (NaN: not scored); fronts are updated in place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ray_promptopt.core.candidate import Candidate

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

BEST_COVERAGE = 0.9  # a new best is scored on at least this share of the best's seeds
_FIRST_ROWS = 16


class Origin(StrEnum):
    """How a candidate came to be."""

    INITIAL = "initial"
    REFLECTION = "reflection"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Member:
    """A candidate with its place in the search; parents are indices into the population."""

    candidate: Candidate
    parents: tuple[int, ...]
    origin: Origin
    iteration: int


class Population:
    """The candidates, by index in the order of their admission; index 0 is the initial one."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._column = {seed: column for column, seed in enumerate(seeds)}
        self._scores: FloatArray = np.full((_FIRST_ROWS, len(seeds)), np.nan)
        self._on_front: BoolArray = np.zeros((_FIRST_ROWS, len(seeds)), dtype=np.bool_)
        self._front_score: FloatArray = np.full(len(seeds), -np.inf)
        self._means: list[float] = []
        self.members: list[Member] = []
        self.next_component: list[int] = []
        self.best = 0

    def __len__(self) -> int:
        return len(self.members)

    @property
    def means(self) -> FloatArray:
        """Mean validation score per candidate, over the seeds it is scored on; shape (n,)."""
        return np.asarray(self._means)

    @property
    def on_front(self) -> BoolArray:
        """Which candidate ties for the best score on which seed; shape (n, seeds)."""
        return self._on_front[: len(self)]

    def front_members(self) -> frozenset[int]:
        """The candidates that are on any front."""
        return frozenset(int(row) for row in np.flatnonzero(self.on_front.any(axis=1)))

    def mean(self, index: int) -> float:
        """The mean validation score of one candidate."""
        return self._means[index]

    def scores(self, index: int) -> dict[int, float]:
        """Validation seed to score, for the seeds this candidate is scored on."""
        row = self._scores[index]
        return {
            seed: float(row[column])
            for seed, column in self._column.items()
            if not np.isnan(row[column])
        }

    def add(self, member: Member, scores: Mapping[int, float], next_component: int) -> bool:
        """Admit a candidate scored on at least one seed; True when it is the new best."""
        index = len(self)
        if index == len(self._scores):
            self._grow()
        row = self._scores[index]
        for seed, score in scores.items():
            row[self._column[seed]] = score
        self.members.append(member)
        self.next_component.append(next_component)
        self._means.append(float(np.nanmean(row)))
        self._update_fronts(index)
        is_best = index == 0 or self._beats_best(index)
        if is_best:
            self.best = index
        return is_best

    def _grow(self) -> None:
        rows, columns = self._scores.shape
        self._scores = np.vstack([self._scores, np.full((rows, columns), np.nan)])
        self._on_front = np.vstack([self._on_front, np.zeros((rows, columns), dtype=np.bool_)])

    def _update_fronts(self, index: int) -> None:
        row = self._scores[index]
        better = row > self._front_score
        self._on_front[:index, better] = False
        self._on_front[index] = better | (row == self._front_score)
        self._front_score[better] = row[better]

    def _beats_best(self, index: int) -> bool:
        """Strictly higher on the seeds both have, when these are nearly all of the best's.

        With nothing lost this compares plain means. Demanding every seed of the best would let
        one lost rollout bar a better candidate; demanding none would let luck on a few win.
        """
        mine, best = self._scores[index], self._scores[self.best]
        shared = ~np.isnan(mine) & ~np.isnan(best)
        covered = int(shared.sum()) >= BEST_COVERAGE * int((~np.isnan(best)).sum())
        return covered and bool(mine[shared].sum() > best[shared].sum())


def surviving_fronts(on_front: BoolArray, means: FloatArray) -> IntArray:
    """On how many fronts each candidate still is once dominated ones are removed; shape (n,).

    In ascending order of the mean, a candidate goes when every front it is on holds another that
    is still there. Removals only make others harder to remove, so one pass equals the rescan
    after each removal of the reference.
    """
    holders = on_front.sum(axis=0)
    fronts: IntArray = on_front.sum(axis=1).astype(np.int64)
    on_any = [int(index) for index in np.flatnonzero(fronts)]
    for index in sorted(on_any, key=lambda i: (means[i], i)):
        if (holders[on_front[index]] > 1).all():
            holders = holders - on_front[index]
            fronts[index] = 0
    return fronts
