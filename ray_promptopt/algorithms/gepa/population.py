"""All admitted candidates, what they were measured on, their fronts, and which is the best.

Measurements live in one float array candidate x objective x seed (NaN: not measured), which
doubles when it is full; means, fronts and the best follow every change in place.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ray_promptopt.algorithms.gepa.fronts import (
    FIRST_ROWS,
    BoolArray,
    FrontSettings,
    FrontTable,
    IntArray,
    non_dominated,
    surviving_fronts,
    with_room,
)
from ray_promptopt.algorithms.gepa.objectives import (
    FloatArray,
    Measurement,
    measurement_of,
    objective_values,
)
from ray_promptopt.core.candidate import Candidate

BEST_COVERAGE = 0.9  # a new best is scored on at least this share of the best's seeds


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

    def __init__(self, seeds: Sequence[int], fronts: FrontSettings | None = None) -> None:
        self._settings = fronts or FrontSettings()
        self._seeds = tuple(seeds)
        self._column = {seed: column for column, seed in enumerate(seeds)}
        num_objectives = len(self._settings.objectives)
        self._values: FloatArray = np.full((FIRST_ROWS, num_objectives, len(seeds)), np.nan)
        self._means: FloatArray = np.full((FIRST_ROWS, num_objectives), np.nan)
        self._fronts = FrontTable(self._settings.num_keys(len(seeds)), self._settings.eps)
        self._best_after: list[int] = []
        self._survivors: IntArray | None = None
        self._front_members: frozenset[int] | None = None
        self._answer: frozenset[int] | None = None
        self.members: list[Member] = []
        self.next_component: list[int] = []

    def __len__(self) -> int:
        return len(self.members)

    @property
    def best(self) -> int:
        """The best candidate by validation reward: in the order of admission, one takes the
        place of the best so far when it beats it on the seeds both have."""
        return self._best_after[-1] if self._best_after else 0

    @property
    def means(self) -> FloatArray:
        """Mean validation reward per candidate, over the seeds it is scored on; shape (n,)."""
        return self._means[: len(self), self._settings.reward]

    @property
    def on_front(self) -> BoolArray:
        """Which candidate ties for the best under which key; shape (n, keys)."""
        return self._fronts.on_front

    def survivors(self) -> IntArray:
        """On how many fronts each candidate is once dominated ones are removed; shape (n,)."""
        if self._survivors is None:
            self._survivors = surviving_fronts(self.on_front, self.means)
        return self._survivors

    def front_members(self) -> frozenset[int]:
        """The candidates that are on any front."""
        if self._front_members is None:
            self._front_members = _as_set(np.flatnonzero(self.on_front.any(axis=1)))
        return self._front_members

    def answer(self) -> frozenset[int]:
        """The prompts a search answers with: those on any front; with several objectives, those
        whose means no other candidate dominates."""
        if len(self._settings.objectives) == 1:
            return self.front_members()
        if self._answer is None:
            self._answer = _as_set(non_dominated(self._means[: len(self)]))
        return self._answer

    def mean(self, index: int) -> float:
        """The mean validation reward of one candidate."""
        return float(self._means[index, self._settings.reward])

    def scores(self, index: int) -> dict[int, float]:
        """Validation seed to reward, for the seeds this candidate is scored on."""
        row = self._rewards(index)
        scored = np.flatnonzero(~np.isnan(row))
        return {
            self._seeds[column]: score
            for column, score in zip(scored.tolist(), row[scored].tolist(), strict=True)
        }

    def measurements(self, index: int) -> dict[int, Measurement]:
        """Validation seed to measurement; of cost and latency, what is an objective."""
        scored = np.flatnonzero(~np.isnan(self._rewards(index)))
        columns = self._values[index][:, scored].T.tolist()
        return {
            self._seeds[column]: measurement_of(self._settings.objectives, values)
            for column, values in zip(scored.tolist(), columns, strict=True)
        }

    def top_rewards(self) -> dict[int, float]:
        """The best reward of any candidate by validation seed, for the seeds that have one."""
        rewards = self._values[: len(self), self._settings.reward]
        best = np.fmax.reduce(rewards, axis=0, initial=-np.inf)
        return {
            seed: value
            for seed, value in zip(self._seeds, best.tolist(), strict=True)
            if value > -math.inf
        }

    def num_shared(self, first: int, second: int) -> int:
        """On how many seeds both are scored."""
        return int((~np.isnan(self._rewards(first)) & ~np.isnan(self._rewards(second))).sum())

    def add(
        self, member: Member, measurements: Mapping[int, Measurement], next_component: int
    ) -> bool:
        """Admit a candidate scored on at least one seed; True when it is the new best."""
        columns = self._columns(measurements)
        if not columns:
            raise ValueError(f"candidate {member.candidate.id} has no score; admit it with one")
        self.members.append(member)
        self.next_component.append(next_component)
        self._values = with_room(self._values, len(self), np.nan)
        self._means = with_room(self._means, len(self), np.nan)
        return self._take_in(len(self) - 1, columns, measurements)

    def extend(self, index: int, measurements: Mapping[int, Measurement]) -> bool:
        """Add what an admitted candidate was not scored on yet; True when the best is another.

        Raises ValueError when it is scored on one of the seeds already.
        """
        columns = self._columns(measurements)
        if not np.isnan(self._rewards(index)[columns]).all():
            raise ValueError(
                f"candidate {index} is scored already on some of the seeds {sorted(measurements)}; "
                "a score is final, extend with the missing ones"
            )
        return self._take_in(index, columns, measurements)

    def _columns(self, measurements: Mapping[int, Measurement]) -> list[int]:
        return [self._column[seed] for seed in measurements]

    def _rewards(self, index: int) -> FloatArray:
        row: FloatArray = self._values[index, self._settings.reward]
        return row

    def _take_in(
        self, index: int, columns: list[int], measurements: Mapping[int, Measurement]
    ) -> bool:
        settings, values = self._settings, self._values[index]
        candidate = self.members[index].candidate
        values[:, columns] = objective_values(
            settings.objectives, candidate, list(measurements.values())
        )
        self._means[index] = [_mean(row[~np.isnan(row)]) for row in values]
        self._fronts.put(index, settings.row(values, self._means[index]))
        self._survivors = self._front_members = self._answer = None
        before = self._best_after[-1:]
        self._choose_best(index)
        return self._best_after[-1:] != before

    def _choose_best(self, index: int) -> None:
        """Play the choice again from this candidate on, until it goes as it went before."""
        after = self._best_after
        for challenger in range(index, len(self)):
            holder = after[challenger - 1] if challenger else 0
            best = challenger if self._beats(challenger, holder) else holder
            if challenger == len(after):
                after.append(best)
            elif after[challenger] == best != index:
                return
            after[challenger] = best

    def _beats(self, challenger: int, holder: int) -> bool:
        """Strictly higher on the seeds both have, when these are nearly all of the holder's.

        With nothing lost this compares plain means. Demanding every seed of the best would let
        one lost rollout bar a better candidate; demanding none would let luck on a few win.
        """
        mine, best = self._rewards(challenger), self._rewards(holder)
        shared = ~np.isnan(mine) & ~np.isnan(best)
        covered = int(shared.sum()) >= BEST_COVERAGE * int((~np.isnan(best)).sum())
        return covered and _sum(mine[shared]) > _sum(best[shared])


def _sum(values: FloatArray) -> float:
    """Rounded once, so that equal scores on other seeds give an equal sum."""
    return math.fsum(values.tolist())


def _mean(values: FloatArray) -> float:
    return _sum(values) / len(values) if len(values) else math.nan


def _as_set(indices: IntArray) -> frozenset[int]:
    return frozenset(indices.tolist())
