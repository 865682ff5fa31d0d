"""Pareto fronts: which candidates tie for the best value under which key, updated in place.

A key is an example, an objective, or a pair of both; its front holds every candidate whose value
is within `eps` of the best. A value that is not known (NaN) is on no front.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from ray_promptopt.algorithms.gepa.objectives import FloatArray, ObjectiveName

FrontType = Literal["instance", "objective", "hybrid", "cartesian"]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Scalar = TypeVar("Scalar", np.float64, np.bool_)

FIRST_ROWS = 16


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """Which fronts are kept: `instance` per example by reward; `objective` per objective by its
    mean; `hybrid` both; `cartesian` per example and objective."""

    front: FrontType = "instance"
    objectives: tuple[ObjectiveName, ...] = ("reward",)
    eps: float = 0.0

    @property
    def reward(self) -> int:
        """The place of the reward among the objectives."""
        return self.objectives.index("reward")

    def num_keys(self, num_examples: int) -> int:
        """How many fronts there are."""
        num_objectives = len(self.objectives)
        return {
            "instance": num_examples,
            "objective": num_objectives,
            "hybrid": num_examples + num_objectives,
            "cartesian": num_examples * num_objectives,
        }[self.front]

    def row(self, values: FloatArray, means: FloatArray) -> FloatArray:
        """One candidate's value under every key, from its values (objectives, examples) and
        their means (objectives,)."""
        rewards = values[self.reward]
        if self.front == "cartesian":
            keys = values.ravel()
        elif self.front == "hybrid":
            keys = np.concatenate([rewards, means])
        else:
            keys = means if self.front == "objective" else rewards
        return np.asarray(keys, dtype=np.float64)


class FrontTable:
    """Values of candidates (rows) under keys (columns), the best per key, and who ties for it."""

    def __init__(self, num_keys: int, eps: float) -> None:
        self._eps = eps
        self._size = 0
        self._values: FloatArray = np.full((FIRST_ROWS, num_keys), np.nan)
        self._on_front: BoolArray = np.zeros((FIRST_ROWS, num_keys), dtype=np.bool_)
        self._best: FloatArray = np.full(num_keys, -np.inf)

    @property
    def on_front(self) -> BoolArray:
        """Which candidate is on which front; shape (candidates, keys)."""
        return self._on_front[: self._size]

    def put(self, index: int, values: FloatArray) -> None:
        """Set the values of a candidate, new (the next index) or known; shape (keys,).

        Only fronts whose best changes are read again: a value that rises above the best, or
        that was the best and falls (a mean over more examples may).
        """
        if index == self._size:
            self._size += 1
            self._values = with_room(self._values, self._size, np.nan)
            self._on_front = with_room(self._on_front, self._size, False)
        before = self._values[index].copy()
        self._values[index] = values
        known = self._values[: self._size]
        fallen = (before == self._best) & ~(values >= before)
        if fallen.any():
            self._best[fallen] = np.fmax.reduce(known[:, fallen], axis=0, initial=-np.inf)
        risen = values > self._best
        self._best[risen] = values[risen]
        changed = np.flatnonzero(fallen | risen)
        limits = self._best - self._eps
        self._on_front[: self._size, changed] = known[:, changed] >= limits[changed]
        self._on_front[index] = values >= limits


def with_room(rows: npt.NDArray[Scalar], num_rows: int, fill: float | bool) -> npt.NDArray[Scalar]:
    """The same rows with room for `num_rows`: doubled when it runs out, filled with `fill`."""
    return rows if num_rows <= len(rows) else np.concatenate([rows, np.full_like(rows, fill)])


def surviving_fronts(on_front: BoolArray, means: FloatArray) -> IntArray:
    """On how many fronts each candidate still is once dominated ones are removed; shape (n,).

    In ascending order of the mean, a candidate goes when every front it is on holds another that
    is still there: one kept before it, or one whose turn is yet to come. Removals only make
    others harder to remove, so one pass equals the rescan after each removal of the reference.
    Fronts are bits of one integer per candidate.
    """
    held = [int.from_bytes(row.tobytes()) for row in np.packbits(on_front, axis=1)]
    order = [int(index) for index in np.argsort(means, kind="stable") if held[index]]
    later = [0] * (len(order) + 1)
    for place in range(len(order) - 1, -1, -1):
        later[place] = later[place + 1] | held[order[place]]
    fronts = np.zeros(len(held), dtype=np.int64)
    kept = 0
    for place, index in enumerate(order):
        if held[index] & ~(kept | later[place + 1]):
            kept |= held[index]
            fronts[index] = held[index].bit_count()
    return fronts


def non_dominated(means: FloatArray) -> IntArray:
    """The rows that no other row equals or exceeds everywhere and exceeds somewhere.

    An unknown value is the worst. Shape of `means`: (candidates, objectives).
    """
    known = np.where(np.isnan(means), -np.inf, means)
    kept: list[int] = []
    # Whoever dominates a row comes before it in descending lexicographic order, and one who is
    # dominated is so by a row that is kept.
    rivals = np.empty_like(known)
    for index in np.lexsort(known.T[::-1])[::-1].tolist():
        row, ahead = known[index], rivals[: len(kept)]
        no_worse = (ahead >= row).all(axis=1)
        if not (ahead[no_worse] > row).any():
            rivals[len(kept)] = row
            kept.append(index)
    return np.sort(np.asarray(kept, dtype=np.int64))
