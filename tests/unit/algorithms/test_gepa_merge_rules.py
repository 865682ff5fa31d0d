"""Merges in the course of a search: their gate, their limit, their turn."""

from functools import partial
from typing import Any

import pytest

from ray_promptopt.algorithms.gepa import GepaOptimizer, GepaSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import Decision, DecisionKind, Purpose, WorkItem
from tests.fakes.landscape import Landscape, answer_stage, kinds, purposes, run_search

TRAIN = (0, 1, 2)


def half_right(low: bool, item: WorkItem) -> float:
    return float((int(item.work_id[-1]) < 3) is low)


def at_merge_gate(max_merges: int = 5) -> GepaOptimizer:
    """Two children of the initial candidate, each best on three seeds; then their merge."""
    settings = GepaSettings(
        TRAIN,
        tuple(range(10, 16)),
        200,
        candidate_selector="current_best",
        merge=True,
        max_merges=max_merges,
    )
    optimizer = GepaOptimizer(settings, Candidate.of({"one": "1", "two": "2"}))
    answer_stage(optimizer, 0.5)
    for low in (True, False):
        for reply in (0.0, f"```\nnew {low}\n```", 1.0):
            answer_stage(optimizer, reply)
        answer_stage(optimizer, partial(half_right, low))
    return optimizer


@pytest.mark.parametrize(("score", "passes"), [(0.6, True), (0.59, False)])
def test_merge_gate_when_sums_are_compared_needs_the_better_parents(
    score: float, passes: bool
) -> None:
    optimizer = at_merge_gate()
    used = optimizer.counts().rollouts_used
    items, decisions = answer_stage(optimizer, score)  # the better parent has 3 of 5
    assert purposes(items) == {Purpose.MERGE_GATE}
    assert items[0].work_id.startswith("i3.merge.validation:1")
    kind = DecisionKind.CANDIDATE_ACCEPTED if passes else DecisionKind.CANDIDATE_REJECTED
    assert kinds(decisions) == [kind]
    assert decisions[0].candidate == Candidate.of({"one": "new True", "two": "new False"})
    following = optimizer.ask(99)
    assert purposes(following) == {Purpose.VALIDATION if passes else Purpose.PARENT_MINIBATCH}
    assert optimizer.counts().rollouts_used == used + 5


def test_merge_gate_when_all_is_lost_discards_the_merge() -> None:
    optimizer = at_merge_gate()
    _, decisions = answer_stage(optimizer, None)
    assert kinds(decisions) == [DecisionKind.PROPOSAL_DISCARDED]
    assert optimizer.discarded == {"child_lost": 1}


def best_on_third(third: int, item: WorkItem) -> float:
    return 1.0 if int(item.work_id[-1]) // 3 == third else 0.25


def test_merge_when_it_joined_gives_no_turn_to_another() -> None:
    settings = GepaSettings(
        TRAIN, tuple(range(10, 19)), 300, candidate_selector="current_best", merge=True
    )
    optimizer = GepaOptimizer(settings, Candidate.of({"one": "1", "two": "2", "three": "3"}))
    answer_stage(optimizer, 0.5)
    for third in range(3):
        for reply in (0.0, f"```\nnew {third}\n```", 1.0):
            answer_stage(optimizer, reply)
        answer_stage(optimizer, partial(best_on_third, third))
        if third == 1:
            rejected, _ = answer_stage(optimizer, 0.0)
            assert purposes(rejected) == {Purpose.MERGE_GATE}
    accepted, _ = answer_stage(optimizer, 1.0)
    assert purposes(accepted) == {Purpose.MERGE_GATE}
    answer_stage(optimizer, 0.0)
    joined = optimizer.view().candidates[4]
    assert joined.origin == "merge"
    assert len(set(joined.parents)) == 2
    assert purposes(optimizer.ask(99)) == {Purpose.PARENT_MINIBATCH}


def test_merge_when_it_does_not_pass_does_not_use_up_the_limit() -> None:
    rejected = at_merge_gate(max_merges=1)
    answer_stage(rejected, 0.0)
    accepted = at_merge_gate(max_merges=1)
    answer_stage(accepted, 1.0)
    assert [num_merged(optimizer) for optimizer in (rejected, accepted)] == [0, 1]


def num_merged(optimizer: GepaOptimizer) -> int:
    saved: Any = optimizer.state_dict()
    count: int = saved["search"]["merges"]["accepted"]
    return count


def merging_search(max_merges: int) -> tuple[GepaOptimizer, list[Decision]]:
    settings = GepaSettings(
        tuple(range(12)),
        tuple(range(20, 38)),
        800,
        rng_seed=1,
        merge=True,
        max_merges=max_merges,
        candidate_selector="epsilon_greedy",
        epsilon=0.6,
    )
    initial = Candidate.of({"answer": "Answer {query}.", "classify": "Pick a label."})
    optimizer = GepaOptimizer(settings, initial)
    _, decisions = run_search(optimizer, Landscape(num_lessons=9))
    return optimizer, decisions


def test_merge_when_lineages_part_joins_them_within_its_limit() -> None:
    optimizer, decisions = merging_search(max_merges=2)
    merged = [c for c in optimizer.view().candidates if c.origin == "merge"]
    assert len(merged) == 2
    assert all(len(candidate.parents) == 2 for candidate in merged)
    announced = [d for d in decisions if d.message == "merged two lineages"]
    assert [d.candidate for d in announced if d.candidate in [c.candidate for c in merged]]
    assert all(d.kind is DecisionKind.CANDIDATE_PROPOSED for d in announced)


def test_merge_when_its_limit_is_zero_never_happens() -> None:
    optimizer, _ = merging_search(max_merges=0)
    assert {c.origin for c in optimizer.view().candidates} == {"initial", "reflection"}
