from collections import Counter
from typing import get_args

import numpy as np
import pytest

from ray_promptopt.algorithms.gepa.population import Member, Origin, Population
from ray_promptopt.algorithms.gepa.selectors import (
    CANDIDATE_SELECTORS,
    COMPONENT_SELECTORS,
    possible_parents,
)
from ray_promptopt.algorithms.gepa.settings import (
    CandidateSelectorName,
    ComponentSelectorName,
    GepaSettings,
)
from ray_promptopt.algorithms.randomness import pick_weighted, stream
from ray_promptopt.core.candidate import Candidate
from tests.fakes.measurements import rewards

# 0 is best nowhere; 1 is the only one on seeds 0..2; 2 on seed 3 alone; 3 ties with 1 on seed 0.
ROWS = [
    [0.0, 0.0, 0.0, 0.0],
    [1.0, 0.9, 0.9, 0.0],
    [0.0, 0.0, 0.1, 1.0],
    [1.0, 0.2, 0.1, 0.5],
]


@pytest.fixture
def population() -> Population:
    population = Population((0, 1, 2, 3))
    for number, row in enumerate(ROWS):
        candidate = Candidate.of({"a": f"text {number}", "b": "same", "c": "same"})
        member = Member(candidate, (), Origin.INITIAL, number)
        population.add(member, rewards(dict(enumerate(row))), 0)
    return population


def draws(name: str, population: Population, settings: GepaSettings) -> Counter[int]:
    select = CANDIDATE_SELECTORS[name]
    return Counter(select(population, settings, stream(1, "draw", n)) for n in range(2000))


def gepa_settings(
    epsilon: float = 0.1,
    top_k: int = 5,
    selection_pressure: float = 1.0,
    archive_size: int | None = None,
    archive_min_score: float | None = None,
) -> GepaSettings:
    return GepaSettings(
        (0,),
        (1,),
        100,
        epsilon=epsilon,
        top_k=top_k,
        selection_pressure=selection_pressure,
        archive_size=archive_size,
        archive_min_score=archive_min_score,
    )


def test_pareto_when_drawn_often_follows_the_number_of_fronts(population: Population) -> None:
    counts = draws("pareto", population, gepa_settings())
    assert set(counts) == {1, 2}
    assert counts[1] / 2000 == pytest.approx(0.75, abs=0.03)


def test_pareto_when_the_pressure_is_two_squares_the_number_of_fronts(
    population: Population,
) -> None:
    counts = draws("pareto", population, gepa_settings(selection_pressure=2.0))
    assert counts[1] / 2000 == pytest.approx(9 / 10, abs=0.02)  # 3 fronts against 1


# Means: 0 has 0, 1 .7, 2 .275, 3 .425. Survivors are 1 and 2; 3 is on a front that 1 covers.
@pytest.mark.parametrize(
    ("size", "least", "expected"),
    [
        (None, None, {0, 1, 2, 3}),
        (4, None, {0, 1, 2, 3}),
        (3, None, {1, 2, 3}),
        (2, None, {1, 2}),  # the survivor goes before the higher mean
        (1, None, {1}),
        (None, 0.3, {1, 3}),
        (1, 0.9, {1}),  # the best is always kept
    ],
)
def test_possible_parents_when_the_archive_is_bounded_keeps_survivors_first(
    population: Population, size: int | None, least: float | None, expected: set[int]
) -> None:
    settings = gepa_settings(archive_size=size, archive_min_score=least)
    assert set(possible_parents(population, settings).tolist()) == expected


@pytest.mark.parametrize("name", ["pareto", "top_k_pareto", "epsilon_greedy"])
def test_selectors_when_the_archive_is_bounded_draw_from_it_alone(
    population: Population, name: str
) -> None:
    settings = gepa_settings(epsilon=1.0, archive_min_score=0.3)
    assert set(draws(name, population, settings)) <= {1, 3}


def test_current_best_when_asked_is_the_highest_mean(population: Population) -> None:
    assert set(draws("current_best", population, gepa_settings())) == {1}


def test_epsilon_greedy_when_drawn_often_explores_uniformly(population: Population) -> None:
    counts = draws("epsilon_greedy", population, gepa_settings(epsilon=0.4))
    assert set(counts) == {0, 1, 2, 3}
    assert counts[1] / 2000 == pytest.approx(0.7, abs=0.03)
    assert counts[0] / 2000 == pytest.approx(0.1, abs=0.02)


def test_epsilon_greedy_when_epsilon_is_zero_never_explores(population: Population) -> None:
    assert set(draws("epsilon_greedy", population, gepa_settings(epsilon=0.0))) == {1}


def test_top_k_when_k_leaves_out_a_survivor_never_draws_it(population: Population) -> None:
    # Means .7, .45 (3), .275 (2): among the two best, 1 covers 3's only front.
    assert set(draws("top_k_pareto", population, gepa_settings(top_k=2))) == {1}
    assert set(draws("top_k_pareto", population, gepa_settings(top_k=3))) == {1, 2}


def test_top_k_when_none_of_the_top_is_on_a_front_falls_back_to_the_best() -> None:
    population = Population((0, 1))
    for number, row in enumerate([{0: 0.9}, {0: 1.0, 1: 0.0}]):  # means 0.9 and 0.5
        member = Member(Candidate.of({"a": str(number)}), (), Origin.INITIAL, number)
        population.add(member, rewards(row), 0)
    assert population.front_members() == {1}
    assert set(draws("top_k_pareto", population, gepa_settings(top_k=1))) == {1}


def test_round_robin_when_repeated_cycles_per_candidate(population: Population) -> None:
    select = COMPONENT_SELECTORS["round_robin"]
    assert [select(population, 1) for _ in range(4)] == [("a",), ("b",), ("c",), ("a",)]
    assert select(population, 2) == ("a",)


def test_all_when_asked_gives_every_component(population: Population) -> None:
    assert COMPONENT_SELECTORS["all"](population, 1) == ("a", "b", "c")


def test_registries_when_compared_with_the_settings_name_the_same() -> None:
    assert set(CANDIDATE_SELECTORS) == set(get_args(CandidateSelectorName))
    assert set(COMPONENT_SELECTORS) == set(get_args(ComponentSelectorName))


def test_stream_when_purpose_or_task_differs_is_another() -> None:
    names = [(1, "a", 1), (1, "a", 2), (1, "b", 1), (2, "a", 1)]
    assert len({stream(*name).random() for name in names}) == 4
    assert stream(1, "a", 1).random() == stream(1, "a", 1).random()


def test_pick_weighted_when_weights_are_not_all_positive_is_uniform() -> None:
    rng = np.random.default_rng(0)
    counts = Counter(pick_weighted(rng, [0.0, -1.0, 5.0]) for _ in range(3000))
    assert all(count == pytest.approx(1000, abs=120) for count in counts.values())
    assert len(counts) == 3
