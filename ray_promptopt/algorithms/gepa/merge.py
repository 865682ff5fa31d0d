"""Merge: crossover of two lineages at their common ancestor (arXiv 2507.19457, Appendix D).

Nothing is evaluated here; a plan names the merged child and the seeds of its gate.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from math import comb, isqrt

import numpy as np

from ray_promptopt.algorithms.gepa.population import Population
from ray_promptopt.algorithms.randomness import pick_weighted
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import CandidateId

GATE_SIZE = 5  # shared validation seeds a merged child is tried on; also the least overlap
_PER_BUCKET = 2  # of them where the one parent is better, and where the other is
_MAX_PAIRS = 100  # as many pairs as the reference draws before it gives up


@dataclass(frozen=True, slots=True)
class MergePlan:
    """Two parents, their ancestor, and the child; `recipe` is the source of each component."""

    first: int
    second: int
    ancestor: int
    recipe: tuple[int, ...]
    child: Candidate
    gate: tuple[int, ...]


@dataclass(slots=True)
class MergeBook:
    """How many merges passed, and which were tried (they are not tried again)."""

    accepted: int = 0
    triplets: set[tuple[int, int, int]] = field(default_factory=set)
    recipes: set[tuple[int, int, tuple[int, ...]]] = field(default_factory=set)

    def note_tried(self, plan: MergePlan) -> None:
        """The plan goes to its gate."""
        self.triplets.add((plan.first, plan.second, plan.ancestor))
        self.recipes.add((plan.first, plan.second, plan.recipe))


def plan_merge(
    population: Population,
    book: MergeBook,
    known: Collection[CandidateId],
    rng: np.random.Generator,
) -> MergePlan | None:
    """A merge of two front survivors that was not tried and gives a new candidate, if any."""
    lineage = cache(partial(ancestors, population))
    for first, second in draw_pairs(np.flatnonzero(population.survivors()).tolist(), rng):
        if population.num_shared(first, second) < GATE_SIZE:
            continue
        if first in lineage(second) or second in lineage(first):
            continue
        eligible = [
            ancestor
            for ancestor in sorted(lineage(first) & lineage(second))
            if (first, second, ancestor) not in book.triplets
            and is_eligible_ancestor(population, ancestor, first, second)
        ]
        if not eligible:
            continue
        drawn = pick_weighted(rng, [population.mean(ancestor) for ancestor in eligible])
        ancestor = eligible[drawn]
        recipe, child = compose(population, ancestor, (first, second), rng)
        if child.id in known or (first, second, recipe) in book.recipes:
            continue
        gate = choose_gate(population.scores(first), population.scores(second), rng)
        return MergePlan(first, second, ancestor, recipe, child, gate)
    return None


def draw_pairs(survivors: list[int], rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Different pairs in a random order, the earlier candidate first.

    Pairs are numbered (0, 1), (0, 2), (1, 2), (0, 3) …, so that none is listed without need.
    """
    num_pairs = comb(len(survivors), 2)
    for number in rng.choice(num_pairs, min(num_pairs, _MAX_PAIRS), replace=False).tolist():
        second = (1 + isqrt(1 + 8 * number)) // 2
        yield survivors[number - comb(second, 2)], survivors[second]


def ancestors(population: Population, index: int) -> frozenset[int]:
    """All candidates this one descends from."""
    found: set[int] = set()
    waiting = list(population.members[index].parents)
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting.extend(population.members[parent].parents)
    return frozenset(found)


def is_eligible_ancestor(population: Population, ancestor: int, first: int, second: int) -> bool:
    """No better than either, and there is a component that just one of the two changed."""
    limit = min(population.mean(first), population.mean(second))
    if population.mean(ancestor) > limit:
        return False
    old, one, other = (
        population.members[index].candidate.texts for index in (ancestor, first, second)
    )
    return any(old[n] in (one[n], other[n]) and one[n] != other[n] for n in old)


def compose(
    population: Population,
    ancestor: int,
    parents: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[tuple[int, ...], Candidate]:
    """The source of each component, and the child: the changed text wins over the ancestor's;
    where both changed it, the better parent's (a coin decides between equals)."""
    first, second = parents
    mean_first, mean_second = population.mean(first), population.mean(second)
    better = first if mean_first > mean_second else second
    if mean_first == mean_second:
        better = parents[int(rng.integers(2))]
    old, one, other = (
        population.members[index].candidate.texts for index in (ancestor, first, second)
    )
    recipe = []
    texts = {}
    for name in sorted(old):
        if one[name] == other[name]:
            source = first
        elif one[name] == old[name]:
            source = second
        elif other[name] == old[name]:
            source = first
        else:
            source = better
        recipe.append(source)
        texts[name] = one[name] if source == first else other[name]
    return tuple(recipe), Candidate.of(texts)


def choose_gate(
    first: dict[int, float], second: dict[int, float], rng: np.random.Generator
) -> tuple[int, ...]:
    """Five shared seeds: two where the first is better, two where the second is, rest ties;
    a bucket too small is made up for from the other shared seeds."""
    shared = sorted(first.keys() & second.keys())
    buckets = (
        [seed for seed in shared if first[seed] > second[seed]],
        [seed for seed in shared if first[seed] < second[seed]],
        [seed for seed in shared if first[seed] == second[seed]],
    )
    gate: list[int] = []
    for bucket in buckets:
        gate += _sample(bucket, min(_PER_BUCKET, GATE_SIZE - len(gate)), rng)
    unused = [seed for seed in shared if seed not in gate]
    return tuple(gate + _sample(unused, GATE_SIZE - len(gate), rng))


def _sample(seeds: Sequence[int], count: int, rng: np.random.Generator) -> list[int]:
    return [seeds[int(place)] for place in rng.permutation(len(seeds))[: max(0, count)]]
