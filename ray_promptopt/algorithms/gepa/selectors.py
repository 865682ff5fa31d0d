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
    """A survivor of the fronts, in proportion to the number of fronts it is on."""
    return _draw(population.survivors(), rng)


def select_current_best(
    population: Population, settings: GepaSettings, rng: np.random.Generator
) -> int:
    """The best candidate so far."""
    return population.best


def select_epsilon_greedy(
    population: Population, settings: GepaSettings, rng: np.random.Generator
) -> int:
    """Any candidate with chance epsilon, else the best."""
    if rng.random() < settings.epsilon:
        return int(rng.integers(len(population)))
    return population.best


def select_top_k_pareto(
    population: Population, settings: GepaSettings, rng: np.random.Generator
) -> int:
    """As `pareto`, among the k candidates of the highest means (earlier ones first in a tie)."""
    top = np.argsort(-population.means, kind="stable")[: settings.top_k]
    if not population.on_front[top].any():
        return population.best
    rows = np.sort(top)
    return int(
        rows[_draw(surviving_fronts(population.on_front[rows], population.means[rows]), rng)]
    )


def _draw(fronts: IntArray, rng: np.random.Generator) -> int:
    survivors = np.flatnonzero(fronts)
    return int(survivors[pick_weighted(rng, fronts[survivors].tolist())])


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
