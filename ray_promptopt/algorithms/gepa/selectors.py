"""Which candidate is the next parent, and which of its components are rewritten."""

from collections.abc import Callable

import numpy as np

from ray_promptopt.algorithms.gepa.fronts import IntArray, surviving_fronts
from ray_promptopt.algorithms.gepa.population import Population
from ray_promptopt.algorithms.gepa.settings import GepaSettings
from ray_promptopt.algorithms.randomness import pick_weighted

CandidateSelector = Callable[[Population, GepaSettings, np.random.Generator], int]
ComponentSelector = Callable[[Population, int], tuple[str, ...]]


def select_pareto(population: Population, settings: GepaSettings, rng: np.random.Generator) -> int:
    """A survivor of the fronts, in proportion to a power of the number of fronts it is on."""
    return _draw_survivor(population, possible_parents(population, settings), settings, rng)


def select_current_best(
    population: Population, settings: GepaSettings, rng: np.random.Generator
) -> int:
    """The best candidate so far."""
    return population.best


def select_epsilon_greedy(
    population: Population, settings: GepaSettings, rng: np.random.Generator
) -> int:
    """Any possible parent with chance epsilon, else the best."""
    if rng.random() < settings.epsilon:
        rows = possible_parents(population, settings)
        return int(rows[rng.integers(len(rows))])
    return population.best


def select_top_k_pareto(
    population: Population, settings: GepaSettings, rng: np.random.Generator
) -> int:
    """As `pareto`, among the k candidates of the highest means (earlier ones first in a tie)."""
    rows = possible_parents(population, settings)
    top = np.argsort(-population.means[rows], kind="stable")[: settings.top_k]
    return _draw_survivor(population, rows[np.sort(top)], settings, rng)


def possible_parents(population: Population, settings: GepaSettings) -> IntArray:
    """Who may be a parent, ascending: everybody, or those whom the archive keeps.

    Of those with at least its least score it keeps as many as it has room for: survivors of the
    fronts first, then other front members, then the rest, each by mean. The best is always kept.
    """
    rows = np.arange(len(population))
    if settings.archive_size is None and settings.archive_min_score is None:
        return rows
    means = population.means
    least = -np.inf if settings.archive_min_score is None else settings.archive_min_score
    on_any = population.on_front.any(axis=1)
    ranked = np.lexsort((-means, ~on_any, population.survivors() == 0))
    kept = ranked[means[ranked] >= least][: settings.archive_size]
    return np.union1d(kept, [population.best])


def _draw_survivor(
    population: Population, rows: IntArray, settings: GepaSettings, rng: np.random.Generator
) -> int:
    """Draw among these rows as if there were no others; the best when none is on a front."""
    fronts = (
        population.survivors()
        if len(rows) == len(population)
        else surviving_fronts(population.on_front[rows], population.means[rows])
    )
    survivors = np.flatnonzero(fronts)
    if not len(survivors):
        return population.best
    weights = fronts[survivors] ** settings.selection_pressure
    return int(rows[survivors[pick_weighted(rng, weights.tolist())]])


def next_round_robin(population: Population, parent: int) -> tuple[str, ...]:
    """The component the parent's pointer is at; the pointer moves on."""
    names = [name for name, _ in population.members[parent].candidate.components]
    pointer = population.next_component[parent]
    population.next_component[parent] = (pointer + 1) % len(names)
    return (names[pointer],)


def all_components(population: Population, parent: int) -> tuple[str, ...]:
    """Every component."""
    return tuple(name for name, _ in population.members[parent].candidate.components)


CANDIDATE_SELECTORS: dict[str, CandidateSelector] = {
    "pareto": select_pareto,
    "current_best": select_current_best,
    "epsilon_greedy": select_epsilon_greedy,
    "top_k_pareto": select_top_k_pareto,
}
COMPONENT_SELECTORS: dict[str, ComponentSelector] = {
    "round_robin": next_round_robin,
    "all": all_components,
}
