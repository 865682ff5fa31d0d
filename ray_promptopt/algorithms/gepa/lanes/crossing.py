"""Crossings: two members of the front merged with each other, instead of lessons. Pure.

Per component, as in the system-aware merge of arXiv 2507.19457 Appendix D, the text that changed
since the common ancestor wins over the one that did not; where both changed, the reflection model
merges them (the reference takes the better parent's). The worse parent may be worse than the
ancestor: all lessons land on the best text, so that what stands beside it is a specialist.
"""

from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from ray_promptopt.algorithms.gepa.merge import GATE_SIZE, ancestors, choose_gate, draw_pairs
from ray_promptopt.algorithms.gepa.population import Population
from ray_promptopt.algorithms.randomness import pick_weighted

Triplet = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Crossing:
    """Population indices: what `second` changed since `ancestor` lands on `first`, the better
    one. `gate` are validation seeds on which the child must be as good as the better parent."""

    first: int
    second: int
    ancestor: int
    gate: tuple[int, ...]

    @property
    def triplet(self) -> Triplet:
        """By which it is known, so that it is not tried again."""
        return (self.first, self.second, self.ancestor)


def plan_crossing(
    population: Population, tried: set[Triplet], rng: np.random.Generator
) -> Crossing | None:
    """Two survivors of different lineages, and a common ancestor no better than the better, if
    any."""
    lineage = cache(partial(ancestors, population))
    for pair in draw_pairs(np.flatnonzero(population.survivors()).tolist(), rng):
        first, second = sorted(pair, key=population.mean, reverse=True)
        if population.num_shared(first, second) < GATE_SIZE:
            continue
        if first in lineage(second) or second in lineage(first):
            continue
        eligible = [
            ancestor
            for ancestor in sorted(lineage(first) & lineage(second))
            if (first, second, ancestor) not in tried
            and population.mean(ancestor) <= population.mean(first)
            and _brings_something(population, Crossing(first, second, ancestor, ()))
        ]
        if eligible:
            drawn = pick_weighted(rng, [population.mean(ancestor) for ancestor in eligible])
            gate = choose_gate(population.scores(first), population.scores(second), rng)
            return Crossing(first, second, eligible[drawn], gate)
    return None


def crossed_texts(population: Population, crossing: Crossing) -> tuple[dict[str, str], list[str]]:
    """The components that take the second's text as it is, and those that must be merged."""
    one, other, old = (population.members[index].candidate.texts for index in crossing.triplet)
    changed = [name for name in old if other[name] not in (old[name], one[name])]
    plain = {name: other[name] for name in changed if one[name] == old[name]}
    return plain, [name for name in changed if name not in plain]


def _brings_something(population: Population, crossing: Crossing) -> bool:
    plain, to_merge = crossed_texts(population, crossing)
    return bool(plain or to_merge)
