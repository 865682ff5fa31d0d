from collections.abc import Mapping

import numpy as np
import pytest

from ray_promptopt.algorithms.gepa.merge import (
    MergeBook,
    MergePlan,
    ancestors,
    choose_gate,
    compose,
    is_eligible_ancestor,
    plan_merge,
)
from ray_promptopt.algorithms.gepa.population import Member, Origin, Population
from ray_promptopt.core.candidate import Candidate
from tests.fakes.measurements import rewards

SEEDS = tuple(range(8))
BASE = {"a": "a0", "b": "b0"}
LOW, LEFT, RIGHT = ([0.0] * 8, [1.0] * 4 + [0.0] * 4, [0.0] * 4 + [1.0] * 4)

Entry = tuple[Mapping[str, str], tuple[int, ...], list[float]]


def population_of(*entries: Entry) -> Population:
    population = Population(SEEDS)
    for texts, parents, scores in entries:
        candidate = Candidate.of({**BASE, **texts})
        member = Member(candidate, parents, Origin.REFLECTION, len(population))
        population.add(member, rewards(dict(zip(SEEDS, scores, strict=False))), 0)
    return population


def two_lineages() -> Population:
    return population_of(({}, (), LOW), ({"a": "a1"}, (0,), LEFT), ({"b": "b1"}, (0,), RIGHT))


def plan(population: Population, book: MergeBook | None = None) -> MergePlan | None:
    known = {member.candidate.id for member in population.members}
    return plan_merge(population, book or MergeBook(), known, np.random.default_rng(0))


def test_plan_when_two_lineages_changed_different_components_joins_both() -> None:
    found = plan(two_lineages())
    assert found is not None
    assert (found.first, found.second, found.ancestor) == (1, 2, 0)
    assert found.child.texts == {"a": "a1", "b": "b1"}
    assert found.recipe == (1, 2)


def test_plan_when_the_triplet_was_tried_gives_none() -> None:
    population, book = two_lineages(), MergeBook()
    found = plan(population, book)
    assert found is not None
    book.note_tried(found)
    assert plan(population, book) is None
    assert book.triplets == {(1, 2, 0)}
    assert book.recipes == {(1, 2, (1, 2))}


def test_plan_when_the_recipe_was_tried_by_way_of_another_ancestor_gives_none() -> None:
    assert plan(two_lineages(), MergeBook(recipes={(1, 2, (1, 2))})) is None


def test_plan_when_the_child_is_known_gives_none() -> None:
    both = ({"a": "a1", "b": "b1"}, (0,), [0.0] * 8)
    population = two_lineages()
    candidate = Candidate.of(both[0])
    member = Member(candidate, (0,), Origin.REFLECTION, 9)
    population.add(member, rewards(dict(enumerate(both[2]))), 0)
    assert plan(population) is None


def test_plan_when_one_descends_from_the_other_gives_none() -> None:
    assert plan(population_of(({}, (), LOW), ({"a": "a1"}, (0,), LEFT))) is None
    better = [1.0] * 5 + [0.0] * 3
    chain = population_of(
        ({}, (), LOW), ({"a": "a1"}, (0,), better), ({"a": "a2", "b": "b1"}, (1,), RIGHT)
    )
    assert plan(chain) is None


def test_plan_when_the_overlap_is_below_five_seeds_gives_none() -> None:
    population = population_of(
        ({}, (), LOW), ({"a": "a1"}, (0,), LEFT[:4]), ({"b": "b1"}, (0,), RIGHT)
    )
    assert plan(population) is None


def test_plan_when_a_parent_is_on_no_surviving_front_gives_none() -> None:
    population = population_of(
        ({}, (), LOW), ({"a": "a1"}, (0,), [1.0] * 8), ({"b": "b1"}, (0,), RIGHT)
    )
    assert plan(population) is None


@pytest.mark.parametrize("num_children", [2, 3, 6])
def test_plan_when_repeated_until_there_is_none_tries_every_pair_once(num_children: int) -> None:
    child_scores = [[float(seed == child) for seed in SEEDS] for child in range(num_children)]
    population = population_of(
        ({}, (), LOW),
        *[({"ab"[n % 2]: f"{n}"}, (0,), scores) for n, scores in enumerate(child_scores)],
    )
    book, pairs = MergeBook(), []
    while found := plan(population, book):
        book.note_tried(found)
        pairs.append((found.first, found.second))
    changed_a, changed_b = range(1, num_children + 1, 2), range(2, num_children + 1, 2)
    assert sorted(pairs) == sorted((min(a, b), max(a, b)) for a in changed_a for b in changed_b)


def test_ancestors_when_lineages_join_are_all_found() -> None:
    population = population_of(
        ({}, (), LOW),
        ({"a": "1"}, (0,), LOW),
        ({"b": "1"}, (0,), LOW),
        ({"a": "1", "b": "1"}, (1, 2), LOW),
        ({"a": "2", "b": "1"}, (3,), LOW),
    )
    assert ancestors(population, 4) == {0, 1, 2, 3}
    assert ancestors(population, 0) == frozenset()


@pytest.mark.parametrize(
    ("old", "first", "second", "ancestor_score", "eligible"),
    [
        ({}, {"a": "x"}, {"b": "y"}, 0.5, True),
        ({}, {"a": "x"}, {}, 0.5, True),  # the second still equals the ancestor in `a`
        ({}, {"a": "x"}, {"a": "y"}, 0.5, False),  # both changed the only component that differs
        ({}, {"a": "x"}, {"a": "x"}, 0.5, False),
        ({}, {"a": "x"}, {"b": "y"}, 0.51, False),  # better than one of them
    ],
)
def test_ancestor_when_judged_must_be_no_better_and_leave_one_unchanged(
    old: dict[str, str],
    first: dict[str, str],
    second: dict[str, str],
    ancestor_score: float,
    eligible: bool,
) -> None:
    population = population_of(
        (old, (), [ancestor_score] * 8), (first, (0,), [0.5] * 8), (second, (0,), [0.9] * 8)
    )
    assert is_eligible_ancestor(population, 0, 1, 2) is eligible


def test_compose_when_both_changed_a_component_takes_the_better_parents() -> None:
    population = population_of(
        ({}, (), LOW),
        ({"a": "a1", "b": "b1"}, (0,), [0.5] * 8),
        ({"a": "a2"}, (0,), [0.6] * 8),
    )
    recipe, child = compose(population, 0, (1, 2), np.random.default_rng(0))
    assert child.texts == {"a": "a2", "b": "b1"}
    assert recipe == (2, 1)


def test_compose_when_the_parents_tie_uses_either() -> None:
    population = population_of(
        ({}, (), LOW), ({"a": "a1", "b": "b1"}, (0,), LEFT), ({"a": "a2"}, (0,), RIGHT)
    )
    rng = np.random.default_rng(0)
    found = {compose(population, 0, (1, 2), rng)[1].texts["a"] for _ in range(20)}
    assert found == {"a1", "a2"}


def test_compose_when_both_made_the_same_change_keeps_it() -> None:
    population = population_of(
        ({}, (), LOW), ({"a": "a1"}, (0,), LEFT), ({"a": "a1", "b": "b1"}, (0,), RIGHT)
    )
    _, child = compose(population, 0, (1, 2), np.random.default_rng(0))
    assert child.texts == {"a": "a1", "b": "b1"}


def better_in(gate: tuple[int, ...], first: dict[int, float], second: dict[int, float]) -> str:
    signs = (first[seed] - second[seed] for seed in gate)
    return "".join(sorted("f" if sign > 0 else "s" if sign < 0 else "t" for sign in signs))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("11110000tttt", "00001111tttt", "ffsst"),
        ("1111110tt", "0000001tt", "ffstt"),  # 2 + 1 + 2
        ("111111", "000000", "fffff"),  # made up for from the rest
        ("1ttttt", "0ttttt", "ftttt"),
    ],
)
def test_gate_when_chosen_takes_two_of_each_side_and_fills_up(
    first: str, second: str, expected: str
) -> None:
    one = {seed: 0.5 if mark == "t" else float(mark) for seed, mark in enumerate(first)}
    other = {seed: 0.5 if mark == "t" else float(mark) for seed, mark in enumerate(second)}
    gate = choose_gate(one, other, np.random.default_rng(3))
    assert len(set(gate)) == 5
    assert better_in(gate, one, other) == expected


def test_gate_when_seeds_are_not_shared_leaves_them_out() -> None:
    one = dict.fromkeys(range(8), 0.5)
    other = dict.fromkeys(range(3, 12), 0.5)
    assert set(choose_gate(one, other, np.random.default_rng(0))) <= set(range(3, 8))
