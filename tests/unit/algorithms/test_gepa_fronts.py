from itertools import pairwise
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_promptopt.algorithms.gepa.fronts import (
    FrontSettings,
    FrontTable,
    FrontType,
    non_dominated,
    surviving_fronts,
)
from ray_promptopt.algorithms.gepa.objectives import Measurement, ObjectiveName
from ray_promptopt.algorithms.gepa.population import BEST_COVERAGE, Member, Origin, Population
from ray_promptopt.core.candidate import Candidate

BOTH: tuple[ObjectiveName, ...] = ("reward", "cost")
ALL: tuple[ObjectiveName, ...] = ("cost", "latency", "reward", "prompt_tokens")

# Two candidates on two examples: 0 is right on example 7 alone and cheap, 1 on both and dear.
CHEAP = {7: Measurement(1.0, 0.25), 8: Measurement(0.0, 0.25)}
DEAR = {7: Measurement(1.0, 1.0), 8: Measurement(1.0, 0.5)}


def member(text: str) -> Member:
    return Member(Candidate.of({"a": text}), (), Origin.INITIAL, 0)


def cheap_and_dear(front: FrontType, eps: float = 0.0) -> Population:
    population = Population((7, 8), FrontSettings(front, BOTH, eps))
    population.add(member("cheap"), CHEAP, 0)
    population.add(member("dear"), DEAR, 0)
    return population


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("instance", [[1, 0], [1, 1]]),  # examples 7 and 8 by reward
        ("objective", [[0, 1], [1, 0]]),  # mean reward .5 and 1, mean cost .25 and .75
        ("hybrid", [[1, 0, 0, 1], [1, 1, 1, 0]]),
        ("cartesian", [[1, 0, 1, 1], [1, 1, 0, 0]]),  # reward on 7 and 8, cost on 7 and 8
    ],
)
def test_fronts_when_two_candidates_trade_reward_for_cost_hold_what_each_is_best_at(
    front: FrontType, expected: list[list[int]]
) -> None:
    assert cheap_and_dear(front).on_front.astype(int).tolist() == expected


def test_fronts_when_values_differ_by_no_more_than_eps_tie() -> None:
    assert cheap_and_dear("objective", eps=0.5).on_front.tolist() == [[True, True], [True, True]]
    assert cheap_and_dear("objective", eps=0.49).on_front.tolist() == [[False, True], [True, False]]


def test_fronts_when_eps_ties_form_a_chain_measure_from_the_best_alone() -> None:
    table = FrontTable(1, eps=0.1)
    for index, value in enumerate((0.80, 0.88, 0.96)):
        table.put(index, np.array([value]))
    assert table.on_front.tolist() == [[False], [True], [True]]


def test_fronts_when_a_cost_is_unknown_leave_the_candidate_off_the_cost_fronts() -> None:
    population = Population((7, 8), FrontSettings("cartesian", BOTH))
    population.add(member("unpriced"), {7: Measurement(1.0, None), 8: Measurement(1.0, 9.0)}, 0)
    population.add(member("priced"), {7: Measurement(0.0, 5.0), 8: Measurement(0.0, 9.5)}, 0)
    assert population.on_front.astype(int).tolist() == [[1, 1, 0, 1], [0, 0, 1, 0]]


def test_fronts_when_no_cost_is_known_hold_nobody() -> None:
    population = Population((7,), FrontSettings("objective", BOTH))
    population.add(member("unpriced"), {7: Measurement(1.0, None)}, 0)
    assert population.on_front.tolist() == [[True, False]]
    assert population.survivors().tolist() == [1]


def test_fronts_when_the_best_mean_falls_pass_to_the_next() -> None:
    population = Population((7, 8), FrontSettings("objective"))
    population.add(member("lucky"), {7: Measurement(1.0)}, 0)
    population.add(member("steady"), {7: Measurement(0.9), 8: Measurement(0.8)}, 0)
    assert population.on_front.tolist() == [[True], [False]]
    population.extend(0, {8: Measurement(0.0)})
    assert population.on_front.tolist() == [[False], [True]]


def test_answer_when_there_is_one_objective_is_whoever_is_on_a_front() -> None:
    population = Population((7, 8))
    for number, scores in enumerate(((1.0, 0.0), (0.0, 0.5), (0.0, 0.0))):
        measured = {7: Measurement(scores[0]), 8: Measurement(scores[1])}
        population.add(member(str(number)), measured, 0)
    assert population.answer() == {0, 1}


def test_answer_when_there_are_several_objectives_is_what_no_other_dominates() -> None:
    population = Population((7,), FrontSettings("objective", BOTH))
    for number, (score, cost) in enumerate(((0.9, 9.0), (0.5, 1.0), (0.8, 2.0), (0.7, 3.0))):
        population.add(member(str(number)), {7: Measurement(score, cost)}, 0)
    assert population.front_members() == {0, 1}  # best reward, least cost
    assert population.answer() == {0, 1, 2}  # 2 is a trade between them; 2 beats 3 in both


def test_non_dominated_when_a_value_is_unknown_counts_it_as_the_worst() -> None:
    assert non_dominated(np.array([[1.0, np.nan], [1.0, 0.0], [2.0, np.nan]])).tolist() == [1, 2]


def test_non_dominated_when_rows_are_equal_keeps_both() -> None:
    assert non_dominated(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 1.0]])).tolist() == [0, 1]


def test_measurements_when_asked_for_are_those_that_came_in() -> None:
    given = {7: Measurement(0.5, None, 0.2), 9: Measurement(1.0, 0.001, 0.0)}
    population = Population((7, 8, 9), FrontSettings("cartesian", ALL))
    population.add(member("some"), given, 0)
    assert population.measurements(0) == given


def test_extend_when_a_seed_is_scored_already_is_refused() -> None:
    population = cheap_and_dear("hybrid")
    with pytest.raises(ValueError, match="candidate 1 is scored already"):
        population.extend(1, {8: Measurement(0.0)})


def test_add_when_nothing_was_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="has no score"):
        Population((7,)).add(member("none"), {}, 0)


Step = tuple[int, dict[int, Measurement]]
LEVELS = st.sampled_from([0.0, 0.25, 0.5, 0.50001, 1.0])
MEASUREMENTS = st.builds(Measurement, LEVELS, st.none() | LEVELS, LEVELS)


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[Step]]:
    """Admissions and extensions in any order: (candidate, what was measured), on few examples."""
    num_examples, num_candidates = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    parts: list[list[Step]] = []
    for index in range(num_candidates):
        seeds = draw(st.permutations(range(num_examples)))
        cuts = draw(st.lists(st.integers(1, num_examples), max_size=2).map(sorted))
        bounds = [0, *cuts, draw(st.integers(1, num_examples))]
        chunks = [seeds[a:b] for a, b in pairwise(bounds) if a < b]
        parts.append([(index, {s: draw(MEASUREMENTS) for s in chunk}) for chunk in chunks])
    steps = [part.pop(0) for part in parts]
    while any(parts):
        chosen = draw(st.sampled_from([index for index, part in enumerate(parts) if part]))
        place = draw(st.integers(steps_end(steps, chosen), len(steps)))
        steps.insert(place, parts[chosen].pop(0))
    return num_examples, steps


def steps_end(steps: list[Step], candidate: int) -> int:
    """The first place after all steps of this candidate so far."""
    return 1 + max(place for place, (index, _) in enumerate(steps) if index == candidate)


def played(num_examples: int, fronts: FrontSettings, steps: list[Step]) -> Population:
    population = Population(range(num_examples), fronts)
    for index, measured in steps:
        if index == len(population):
            population.add(member("x" * 4 * index), measured, 0)
        else:
            population.extend(index, measured)
    return population


def values_from_scratch(
    index: int, measured: dict[int, Measurement], fronts: FrontSettings, num_examples: int
) -> list[float]:
    """The value under every key by definition, in plain Python."""

    def value(objective: ObjectiveName, seed: int) -> float:
        if seed not in measured:
            return np.nan
        cost = measured[seed].cost_usd
        return {
            "reward": measured[seed].score,
            "prompt_tokens": -float(index),
            "cost": np.nan if cost is None else -cost,
            "latency": -measured[seed].latency_s,
        }[objective]

    def mean(objective: ObjectiveName) -> float:
        known = [v for s in range(num_examples) if not np.isnan(v := value(objective, s))]
        return fsum(known) / len(known) if known else np.nan

    examples = [value("reward", seed) for seed in range(num_examples)]
    means = [mean(objective) for objective in fronts.objectives]
    pairs = [value(o, seed) for o in fronts.objectives for seed in range(num_examples)]
    return {
        "instance": examples,
        "objective": means,
        "hybrid": examples + means,
        "cartesian": pairs,
    }[fronts.front]


@settings(max_examples=150)
@given(
    histories(),
    st.sampled_from(["instance", "objective", "hybrid", "cartesian"]),
    st.sampled_from([("reward",), BOTH, ALL]),
    st.sampled_from([0.0, 1e-6, 0.3]),
)
def test_fronts_when_extended_in_any_order_equal_those_made_from_scratch(
    history: tuple[int, list[Step]],
    front: FrontType,
    objectives: tuple[ObjectiveName, ...],
    eps: float,
) -> None:
    num_examples, steps = history
    fronts = FrontSettings(front, objectives, eps)
    population = played(num_examples, fronts, steps)
    final: dict[int, dict[int, Measurement]] = {}
    for index, measured in steps:
        final.setdefault(index, {}).update(measured)
    values = np.array(
        [
            values_from_scratch(index, final[index], fronts, num_examples)
            for index in range(len(population))
        ]
    )
    best = np.fmax.reduce(values, axis=0, initial=-np.inf)
    np.testing.assert_array_equal(population.on_front, values >= best - eps)
    assert population.survivors().tolist() == (
        surviving_fronts(values >= best - eps, population.means).tolist()
    )
    assert population.survivors().any()
    holders = (population.survivors() > 0) @ population.on_front
    assert (holders == population.on_front.any(axis=0)).all()


@settings(max_examples=150)
@given(histories())
def test_best_when_extended_in_any_order_is_who_wins_in_order_of_admission(
    history: tuple[int, list[Step]],
) -> None:
    num_examples, steps = history
    population = Population(range(num_examples))
    final: dict[int, dict[int, float]] = {}
    for index, measured in steps:
        former = population.best if len(population) else None
        if index == len(population):
            changed = population.add(member(str(index)), measured, 0)
        else:
            changed = population.extend(index, measured)
        final.setdefault(index, {}).update({s: m.score for s, m in measured.items()})
        assert changed == (population.best != former)
        best = 0
        for challenger in range(len(population)):
            shared = final[challenger].keys() & final[best].keys()
            mine, theirs = (fsum(final[i][s] for s in shared) for i in (challenger, best))
            if len(shared) >= BEST_COVERAGE * len(final[best]) and mine > theirs:
                best = challenger
        assert population.best == best


@settings(max_examples=50)
@given(st.lists(st.lists(LEVELS, min_size=4, max_size=4), min_size=1, max_size=30))
def test_best_when_everything_is_scored_is_the_first_of_the_highest_means(
    rows: list[list[float]],
) -> None:
    population = Population(range(4))
    for number, row in enumerate(rows):
        measured = {seed: Measurement(score) for seed, score in enumerate(row)}
        population.add(member(str(number)), measured, 0)
    assert population.best == max(range(len(rows)), key=lambda i: (fsum(rows[i]), -i))


@settings(max_examples=100)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=12),
)
def test_non_dominated_when_compared_pair_by_pair_is_the_same(rows: list[list[int]]) -> None:
    def dominates(a: list[int], b: list[int]) -> bool:
        return a != b and all(x >= y for x, y in zip(a, b, strict=True))

    expected = [i for i, row in enumerate(rows) if not any(dominates(o, row) for o in rows)]
    assert non_dominated(np.array(rows, dtype=float)).tolist() == expected
