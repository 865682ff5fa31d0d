"""Small cases worked by hand from the definitions in arXiv 2507.19457 (Alg. 1, 2, Appendix D)."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from ray_promptopt.algorithms.gepa import GepaOptimizer, GepaSettings
from ray_promptopt.algorithms.gepa.merge import MergeBook, compose, plan_merge
from ray_promptopt.algorithms.gepa.minibatch import MinibatchSampler
from ray_promptopt.algorithms.gepa.population import Member, Origin, Population
from ray_promptopt.algorithms.gepa.selectors import CANDIDATE_SELECTORS
from ray_promptopt.algorithms.randomness import stream
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import DecisionKind, WorkItem
from tests.fakes.landscape import answer_stage, kinds
from tests.fakes.measurements import rewards

# Means .20, .45, .45, .50, .50. Best on tasks 0..3: {1, 4}, {2, 3}, {1, 2}, {3}.
# Ascending: 1 goes (4 and 2 hold its tasks); 2 stays (task 2 has nobody else now); 3 and 4 stay.
SCORES = [
    [0.2, 0.2, 0.2, 0.2],
    [0.9, 0.3, 0.5, 0.1],
    [0.1, 0.8, 0.5, 0.4],
    [0.4, 0.8, 0.1, 0.7],
    [0.9, 0.1, 0.4, 0.6],
]

Entry = tuple[Mapping[str, str], tuple[int, ...], Sequence[float]]


def population_of(*entries: Entry) -> Population:
    population = Population(range(len(entries[0][2])))
    for texts, parents, scores in entries:
        member = Member(Candidate.of(texts), parents, Origin.REFLECTION, len(population))
        population.add(member, rewards(dict(enumerate(scores))), 0)
    return population


def five_candidates() -> Population:
    return population_of(*[({"a": f"{n}"}, (), row) for n, row in enumerate(SCORES)])


def shares(name: str, top_k: int = 5) -> dict[int, float]:
    settings = GepaSettings((0,), (1,), 100, top_k=top_k)
    select, population = CANDIDATE_SELECTORS[name], five_candidates()
    drawn = Counter(select(population, settings, stream(0, "v", n)) for n in range(4000))
    return {index: count / 4000 for index, count in drawn.items()}


def test_pareto_when_dominated_ones_go_in_order_of_their_means_counts_what_is_left() -> None:
    assert five_candidates().survivors().tolist() == [0, 0, 2, 2, 1]
    assert shares("pareto") == pytest.approx({2: 2 / 5, 3: 2 / 5, 4: 1 / 5}, abs=0.03)


def test_top_k_when_the_two_best_are_taken_counts_their_fronts_alone() -> None:
    # 3 holds tasks 1 and 3, 4 holds task 0; task 2 belongs to neither.
    assert shares("top_k_pareto", top_k=2) == pytest.approx({3: 2 / 3, 4: 1 / 3}, abs=0.03)


def test_current_best_when_means_tie_is_the_earlier() -> None:
    assert shares("current_best") == {3: 1.0}


def test_epsilon_greedy_when_it_explores_draws_all_alike() -> None:
    expected = {0: 0.02, 1: 0.02, 2: 0.02, 3: 0.92, 4: 0.02}
    assert shares("epsilon_greedy") == pytest.approx(expected, abs=0.012)


def test_pareto_when_a_task_gets_a_new_best_takes_it_from_all_who_tied() -> None:
    population = five_candidates()
    member = Member(Candidate.of({"a": "new"}), (), Origin.REFLECTION, 9)
    population.add(member, rewards({0: 0.95, 1: 0.0, 2: 0.0, 3: 0.0}), 0)
    # Task 0 is the new one's. Ascending: 5 (.2375) stays; 1 (.45) goes, 2 holds task 2 with it.
    assert population.survivors().tolist() == [0, 0, 2, 2, 0, 1]


# Two components; 1 changed `a`, 2 changed `b`, 3 changed both.
FAMILY: list[Entry] = [
    ({"a": "0", "b": "0"}, (), [0.2] * 6),
    ({"a": "1", "b": "0"}, (0,), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
    ({"a": "0", "b": "2"}, (0,), [0.0, 0.0, 0.0, 1.0, 1.0, 0.9]),
]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"a": "1", "b": "0"}, {"a": "0", "b": "2"}, {"a": "1", "b": "2"}),  # each its change
        ({"a": "1", "b": "1"}, {"a": "0", "b": "2"}, {"a": "1", "b": "1"}),  # both changed b
        ({"a": "1", "b": "0"}, {"a": "1", "b": "2"}, {"a": "1", "b": "2"}),  # a is common
        ({"a": "0", "b": "0"}, {"a": "2", "b": "2"}, {"a": "2", "b": "2"}),
    ],
)
def test_merge_when_components_differ_takes_the_change_or_else_the_better_parents(
    first: dict[str, str], second: dict[str, str], expected: dict[str, str]
) -> None:
    population = population_of(FAMILY[0], (first, (0,), [0.9] * 6), (second, (0,), [0.8] * 6))
    _, child = compose(population, 0, (1, 2), np.random.default_rng(0))
    assert child.texts == expected


def test_merge_when_there_are_two_ancestors_draws_them_by_their_means() -> None:
    # 0 (mean .1) and 1 (mean .3) are ancestors of both 2 and 3.
    population = population_of(
        ({"a": "0", "b": "0"}, (), [0.1] * 6),
        ({"a": "0", "b": "1"}, (0,), [0.3] * 6),
        ({"a": "2", "b": "1"}, (1,), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
        ({"a": "0", "b": "3"}, (1,), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]),
    )
    drawn: Counter[int] = Counter()
    for number in range(2000):
        plan = plan_merge(population, MergeBook(), (), stream(0, "merge", number))
        assert plan is not None
        drawn[plan.ancestor] += 1
    assert drawn[1] / 2000 == pytest.approx(3 / 4, abs=0.03)


def test_merge_when_five_of_six_shared_examples_are_tried_takes_two_of_either_side() -> None:
    plan = plan_merge(population_of(*FAMILY), MergeBook(), (), np.random.default_rng(0))
    assert plan is not None
    assert (plan.first, plan.second, plan.ancestor) == (1, 2, 0)
    assert len(plan.gate) == len(set(plan.gate)) == 5
    assert sum(seed < 3 for seed in plan.gate) in (2, 3)


def test_minibatches_when_seven_examples_are_cut_by_three_pad_the_last_with_two_others() -> None:
    sampler = MinibatchSampler(range(7), 3, rng_seed=2)
    batches = [sampler.minibatch(index) for index in range(3)]
    shuffled = batches[0] + batches[1] + batches[2][:1]
    assert sorted(shuffled) == list(range(7))
    assert batches[2][1:] == (shuffled[5], shuffled[4])
    assert sampler.minibatch(3) == sampler.epoch(1)[:3]


def search(budget: int = 100) -> GepaOptimizer:
    """Three training and four validation examples, minibatches of three."""
    return GepaOptimizer(
        GepaSettings((0, 1, 2), (10, 11, 12, 13), budget), Candidate.of({"a": "text"})
    )


@pytest.mark.parametrize(
    ("child", "accepted"),
    [
        ((0.0, 0.6, 0.6), True),  # 1.2 > 1
        ((0.0, 0.5, 0.5), False),  # 1 = 1
        ((0.9, 0.0, 0.0), False),
    ],
)
def test_acceptance_when_the_parent_has_a_sum_of_one_needs_strictly_more(
    child: tuple[float, ...], accepted: bool
) -> None:
    def scored(scores: tuple[float, ...], item: WorkItem) -> float:
        return scores[int(item.work_id[-1])]

    optimizer = search()
    answer_stage(optimizer, 0.5)
    answer_stage(optimizer, lambda item: scored((1.0, 0.0, 0.0), item))
    answer_stage(optimizer, "```\nbetter\n```")
    _, decisions = answer_stage(optimizer, lambda item: scored(child, item))
    kind = DecisionKind.CANDIDATE_ACCEPTED if accepted else DecisionKind.CANDIDATE_REJECTED
    assert kinds(decisions) == [kind]


def test_budget_when_one_is_skipped_one_rejected_and_one_accepted_adds_up() -> None:
    optimizer = search()
    for reply, used in (
        (0.5, 4),  # the initial candidate on validation
        (1.0, 4 + 3),  # a perfect parent is skipped
        (0.5, 7 + 3),
        ("```\nworse\n```", 10),
        (0.0, 10 + 3),  # rejected
        (0.5, 13 + 3),
        ("```\nbetter\n```", 16),
        (1.0, 16 + 3),
        (0.75, 19 + 4),  # accepted: the whole validation set
    ):
        answer_stage(optimizer, reply)
        assert optimizer.counts().rollouts_used == used
