import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_promptopt.algorithms.gepa.fronts import surviving_fronts
from ray_promptopt.algorithms.gepa.population import Member, Origin, Population
from ray_promptopt.core.candidate import Candidate
from tests.fakes.measurements import rewards


def population_of(rows: list[Mapping[int, float]], seeds: tuple[int, ...]) -> Population:
    population = Population(seeds)
    for number, scores in enumerate(rows):
        member = Member(Candidate.of({"a": f"text {number}"}), (), Origin.INITIAL, number)
        population.add(member, rewards(scores), 0)
    return population


def test_front_when_scores_tie_holds_every_tied_candidate() -> None:
    population = population_of([{7: 0.5, 8: 1.0}, {7: 0.5, 8: 0.0}, {7: 0.2, 8: 1.0}], (7, 8))
    assert population.on_front.tolist() == [[True, True], [True, False], [False, True]]


def test_front_when_a_higher_score_comes_drops_the_former_holders() -> None:
    population = population_of([{7: 0.5}, {7: 0.5}, {7: 0.6}], (7,))
    assert population.on_front.tolist() == [[False], [False], [True]]
    assert population.front_members() == {2}


def test_front_when_a_seed_was_not_scored_leaves_the_candidate_off_it() -> None:
    population = population_of([{7: 0.5}, {8: 0.0}], (7, 8))
    assert population.on_front.tolist() == [[True, False], [False, True]]
    assert population.scores(1) == {8: 0.0}


def test_mean_when_scores_are_sparse_is_over_the_scored_seeds() -> None:
    assert population_of([{1: 0.5, 3: 1.0}], (1, 2, 3)).mean(0) == 0.75


def test_population_when_it_outgrows_its_matrix_keeps_all_scores() -> None:
    rows = [{1: index / 100, 2: 0.5} for index in range(50)]
    population = population_of(list(rows), (1, 2))
    assert [population.scores(index) for index in range(50)] == rows
    assert population.on_front[:, 1].all()
    assert population.front_members() == set(range(50))
    assert population.best == 49


def test_best_when_means_tie_stays_with_the_earlier() -> None:
    assert population_of([{1: 1.0, 2: 0.0}, {1: 0.0, 2: 1.0}], (1, 2)).best == 0


def test_best_when_a_challenger_lost_few_seeds_compares_the_shared_ones() -> None:
    seeds = tuple(range(10))
    first = dict.fromkeys(seeds, 0.5) | {9: 1.0}
    challenger = {seed: 0.52 for seed in seeds if seed != 9}  # mean .52 < .55, but .52 > .50
    assert population_of([first, challenger], seeds).best == 1


def test_best_when_a_challenger_lost_many_seeds_stays() -> None:
    seeds = tuple(range(10))
    challenger = dict.fromkeys(seeds[:8], 1.0)
    assert population_of([dict.fromkeys(seeds, 0.5), challenger], seeds).best == 0


# On fronts A, B, C: 0 is on A with 1; 1 is on A and B; 2 is on B and C.
WORKED = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=bool)


def test_survivors_when_a_candidate_is_covered_by_others_remove_the_worst_first() -> None:
    # Ascending means 0, 1, 2: 0 goes (A still has 1), then 1 must stay for A; 2 must for C.
    assert surviving_fronts(WORKED, np.array([0.1, 0.2, 0.3])).tolist() == [0, 2, 2]


def test_survivors_when_the_order_of_means_changes_differ() -> None:
    # Ascending means 1, 0, 2: 1 goes (A has 0, B has 2), then 0 must stay for A.
    assert surviving_fronts(WORKED, np.array([0.2, 0.1, 0.3])).tolist() == [1, 0, 2]


def test_survivors_when_two_are_identical_keep_the_later() -> None:
    both = np.ones((2, 3), dtype=bool)
    assert surviving_fronts(both, np.array([0.5, 0.5])).tolist() == [0, 3]


def test_survivors_when_a_candidate_is_on_no_front_leave_it_out() -> None:
    on_front = np.array([[1, 1], [0, 0]], dtype=bool)
    assert surviving_fronts(on_front, np.array([0.1, 0.9])).tolist() == [2, 0]


def rescanning_survivors(fronts: list[set[int]], means: list[float]) -> set[int]:
    """The reference's own procedure, word for word: rescan from the start after a removal."""
    programs = sorted({p for front in fronts for p in front}, key=lambda p: (means[p], p))
    dominated: set[int] = set()
    found = True
    while found:
        found = False
        for y in programs:
            others = set(programs) - {y} - dominated
            if y not in dominated and all(front & others for front in fronts if y in front):
                dominated.add(y)
                found = True
                break
    return set(programs) - dominated


@settings(max_examples=200)
@given(
    st.integers(1, 6).flatmap(
        lambda columns: st.lists(
            st.lists(st.integers(0, 3), min_size=columns, max_size=columns),
            min_size=1,
            max_size=9,
        )
    )
)
def test_fronts_when_built_up_in_place_equal_the_reference_procedure(
    matrix: list[list[int]],
) -> None:
    seeds = tuple(range(len(matrix[0])))
    population = population_of([dict(enumerate(map(float, row))) for row in matrix], seeds)
    fronts = [
        {i for i, row in enumerate(matrix) if row[seed] == max(r[seed] for r in matrix)}
        for seed in seeds
    ]
    assert [set(np.flatnonzero(population.on_front[:, s]).tolist()) for s in seeds] == fronts
    counts = surviving_fronts(population.on_front, population.means)
    expected = rescanning_survivors(fronts, population.means.tolist())
    assert set(np.flatnonzero(counts).tolist()) == expected
    assert [int(counts[i]) for i in expected] == [
        sum(i in front for front in fronts) for i in expected
    ]


def test_best_when_all_is_scored_is_the_first_highest_mean() -> None:
    rows: list[Mapping[int, float]] = [{1: v, 2: 1 - v / 2} for v in (0.2, 0.9, 0.9, 0.4)]
    population = population_of(rows, (1, 2))
    assert population.best == int(np.argmax(population.means))
    assert math.isclose(population.mean(1), 0.725)


def test_add_when_the_seed_is_unknown_is_refused() -> None:
    with pytest.raises(KeyError):
        population_of([{99: 1.0}], (1, 2))
