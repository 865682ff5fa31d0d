"""One iteration at a time: what is asked, what is decided, and what it costs."""

import pytest

from ray_promptopt.algorithms.gepa import GepaOptimizer, GepaSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import (
    Decision,
    DecisionKind,
    EvaluateCandidate,
    ProposeText,
    Purpose,
)
from tests.fakes.landscape import Landscape, Reply, answer_stage, kinds, purposes

TRAIN, VALIDATION = (0, 1, 2), (10, 11, 12, 13)
INITIAL = Candidate.of({"prompt": "Answer {query}."})
CHILD = "```\nAnswer {query} well.\n```"


def make(initial: Candidate = INITIAL, budget: int = 100, **options: object) -> GepaOptimizer:
    settings = GepaSettings(TRAIN, VALIDATION, budget, **options)  # type: ignore[arg-type]
    return GepaOptimizer(settings, initial)


def test_start_when_made_asks_for_the_initial_candidate_on_all_validation_seeds() -> None:
    items, decisions = answer_stage(make(), 0.5)
    assert [item.work_id for item in items] == [f"i0.initial.validation:{s}" for s in VALIDATION]
    assert all(isinstance(i, EvaluateCandidate) and i.candidate == INITIAL for i in items)
    assert purposes(items) == {Purpose.INITIAL_VALIDATION}
    assert kinds(decisions) == [DecisionKind.CANDIDATE_SCORED, DecisionKind.NEW_BEST]
    assert decisions[0].candidate == INITIAL
    assert decisions[0].score == 0.5


def test_iteration_when_the_child_is_better_goes_through_every_stage() -> None:
    optimizer = make()
    answer_stage(optimizer, 0.5)
    parents, none = answer_stage(optimizer, 0.0)
    assert purposes(parents) == {Purpose.PARENT_MINIBATCH}
    assert sorted(i.work_id for i in parents) == [f"i1.parent.train:{s}" for s in TRAIN]
    assert none == []
    reflections, proposed = answer_stage(optimizer, CHILD)
    assert [item.work_id for item in reflections] == ["i1.reflect.prompt"]
    assert kinds(proposed) == [DecisionKind.CANDIDATE_PROPOSED]
    assert proposed[0].parents == (INITIAL.id,)
    children, accepted = answer_stage(optimizer, 0.1)
    assert sorted(i.work_id for i in children) == [f"i1.child.train:{s}" for s in TRAIN]
    assert kinds(accepted) == [DecisionKind.CANDIDATE_ACCEPTED]
    validation, scored = answer_stage(optimizer, 0.75)
    assert [i.work_id for i in validation] == [f"i1.valid.validation:{s}" for s in VALIDATION]
    assert kinds(scored) == [DecisionKind.CANDIDATE_SCORED, DecisionKind.NEW_BEST]
    best = scored[1].candidate
    assert best is not None
    assert best.texts == {"prompt": "Answer {query} well."}
    view = optimizer.view()
    counts = view.counts
    assert (counts.best, counts.accepted, counts.rollouts_used) == (best.id, 1, 4 + 3 + 3 + 4)


@pytest.mark.parametrize(
    ("parent", "child", "passes"), [(0.5, 0.5, False), (0.5, 0.51, True), (0.5, 0.4, False)]
)
def test_gate_when_sums_are_compared_is_strict(parent: float, child: float, passes: bool) -> None:
    optimizer = make()
    for reply in (0.5, parent, CHILD):
        answer_stage(optimizer, reply)
    _, decisions = answer_stage(optimizer, child)
    kind = DecisionKind.CANDIDATE_ACCEPTED if passes else DecisionKind.CANDIDATE_REJECTED
    assert kinds(decisions) == [kind]


def test_child_when_accepted_but_lower_on_validation_joins_without_being_best() -> None:
    optimizer = make()
    for reply in (0.5, 0.0, CHILD, 1.0):
        answer_stage(optimizer, reply)
    _, decisions = answer_stage(optimizer, 0.5)
    assert kinds(decisions) == [DecisionKind.CANDIDATE_SCORED]
    assert optimizer.counts().best == INITIAL.id
    assert len(optimizer.view().candidates) == 2


def test_iteration_when_the_parent_is_perfect_is_skipped() -> None:
    optimizer = make()
    answer_stage(optimizer, 0.5)
    _, decisions = answer_stage(optimizer, 1.0)
    assert kinds(decisions) == [DecisionKind.ITERATION_SKIPPED]
    items, _ = answer_stage(optimizer, 0.0)
    assert items[0].work_id.startswith("i2.parent.")


def test_iteration_when_one_example_is_not_perfect_goes_on() -> None:
    optimizer = make()
    answer_stage(optimizer, 0.5)
    answer_stage(optimizer, lambda item: 0.9 if item.work_id.endswith(":0") else 1.0)
    assert purposes(optimizer.ask(9)) == {Purpose.REFLECTION}


def test_minibatches_when_one_epoch_passes_have_covered_all_training_seeds() -> None:
    optimizer = GepaOptimizer(GepaSettings(tuple(range(9)), VALIDATION, 100), INITIAL)
    answer_stage(optimizer, 0.5)
    drawn = [item.work_id for _ in range(3) for item in answer_stage(optimizer, 1.0)[0]]
    assert sorted(work_id[-1] for work_id in drawn) == list("012345678")


def test_iteration_when_perfection_may_not_skip_reflects() -> None:
    optimizer = make(skip_perfect_score=False)
    answer_stage(optimizer, 0.5)
    answer_stage(optimizer, 1.0)
    assert purposes(optimizer.ask(9)) == {Purpose.REFLECTION}


def test_reflection_when_refused_is_asked_once_more_with_the_reason() -> None:
    optimizer = make()
    answer_stage(optimizer, 0.5)
    answer_stage(optimizer, 0.0)
    first, _ = answer_stage(optimizer, "no fence")
    second, proposed = answer_stage(optimizer, CHILD)
    assert isinstance(first[0], ProposeText)
    assert isinstance(second[0], ProposeText)
    assert second[0].work_id == "i1.reflect-again.prompt"
    assert "could not be used: it had no line of ```" in second[0].messages[0].content
    assert "could not be used" not in first[0].messages[0].content
    assert first[0].seed != second[0].seed
    assert kinds(proposed) == [DecisionKind.CANDIDATE_PROPOSED]


def test_reflection_when_refused_twice_is_discarded_and_counted() -> None:
    optimizer = make()
    for reply in (0.5, 0.0, "no fence"):
        answer_stage(optimizer, reply)
    _, decisions = answer_stage(optimizer, "```\nlost it\n```")
    assert kinds(decisions) == [DecisionKind.PROPOSAL_DISCARDED]
    assert "{query}" in decisions[0].message
    assert optimizer.discarded == {"lost_wildcard": 1}
    assert optimizer.counts().rollouts_used == 4 + 3


def test_reflection_when_the_call_is_lost_is_discarded_and_counted() -> None:
    optimizer = make()
    for reply in (0.5, 0.0):
        answer_stage(optimizer, reply)
    _, decisions = answer_stage(optimizer, None)
    assert kinds(decisions) == [DecisionKind.PROPOSAL_DISCARDED]
    assert optimizer.discarded == {"reflection_lost": 1}


def test_child_when_it_was_rejected_before_is_discarded_without_rollouts() -> None:
    optimizer = make()
    for reply in (0.5, 0.0, CHILD, 0.0, 0.0):
        answer_stage(optimizer, reply)
    used = optimizer.counts().rollouts_used
    _, decisions = answer_stage(optimizer, CHILD)
    assert kinds(decisions) == [DecisionKind.PROPOSAL_DISCARDED]
    assert optimizer.discarded == {"duplicate": 1}
    assert optimizer.counts().rollouts_used == used


def test_all_components_when_one_reflection_is_refused_twice_rewrites_the_others() -> None:
    initial = Candidate.of({"one": "1", "two": "2"})
    optimizer = make(initial, component_selector="all")
    answer_stage(optimizer, 0.5)
    answer_stage(optimizer, 0.0)
    first, _ = answer_stage(
        optimizer, lambda item: "```\nnew\n```" if item.work_id.endswith("one") else "none"
    )
    second, proposed = answer_stage(optimizer, "none")
    assert [len(first), len(second)] == [2, 1]
    assert proposed[0].candidate == Candidate.of({"one": "new", "two": "2"})
    assert optimizer.discarded == {"unfenced": 1}


def test_minibatch_when_items_are_lost_compares_what_both_have() -> None:
    optimizer = make()
    answer_stage(optimizer, 0.5)
    answer_stage(optimizer, lambda item: None if item.work_id.endswith(":0") else 0.5)
    answer_stage(optimizer, CHILD)
    scores = {"i1.child.train:1": 0.6, "i1.child.train:2": None}
    children, decisions = answer_stage(optimizer, lambda item: scores[item.work_id])
    assert {item.work_id for item in children} == set(scores)
    assert kinds(decisions) == [DecisionKind.CANDIDATE_ACCEPTED]
    assert optimizer.counts().rollouts_used == 4 + 2 + 1


@pytest.mark.parametrize(
    ("replies", "reason"), [([None], "parent_lost"), ([0.0, CHILD, None], "child_lost")]
)
def test_minibatch_when_all_is_lost_discards_the_proposal(
    replies: list[Reply], reason: str
) -> None:
    optimizer = make()
    answer_stage(optimizer, 0.5)
    decisions: list[Decision] = []
    for reply in replies:
        _, decisions = answer_stage(optimizer, reply)
    assert kinds(decisions) == [DecisionKind.PROPOSAL_DISCARDED]
    assert optimizer.discarded == {reason: 1}


def test_validation_when_an_item_is_lost_stays_sparse() -> None:
    optimizer = make()
    for reply in (0.5, 0.0, CHILD, 1.0):
        answer_stage(optimizer, reply)
    answer_stage(optimizer, lambda item: None if item.work_id.endswith(":13") else 1.0)
    child = optimizer.view().candidates[1]
    assert child.validation_scores == {10: 1.0, 11: 1.0, 12: 1.0}
    assert child.validation_mean == 1.0


def test_validation_when_all_is_lost_discards_the_child() -> None:
    optimizer = make()
    for reply in (0.5, 0.0, CHILD, 1.0):
        answer_stage(optimizer, reply)
    _, decisions = answer_stage(optimizer, None)
    assert kinds(decisions) == [DecisionKind.PROPOSAL_DISCARDED]
    assert len(optimizer.view().candidates) == 1


def test_search_when_the_initial_validation_is_lost_stops_with_the_error() -> None:
    optimizer = make()
    _, decisions = answer_stage(optimizer, None)
    assert kinds(decisions) == [DecisionKind.STOPPED]
    assert optimizer.stop_reason() == (
        "initial candidate: all 4 validation rollouts were lost, the first with: connection refused"
    )


@pytest.mark.parametrize(("budget", "ends"), [(13, True), (14, False)])
def test_iteration_when_its_worst_case_does_not_fit_is_not_started(budget: int, ends: bool) -> None:
    optimizer = make(budget=budget)
    answer_stage(optimizer, 0.5)
    expected = (
        "rollout budget: 4 of the search's 13 used; another proposal needs up to 10"
        if ends
        else None
    )
    assert optimizer.stop_reason() == expected
    assert bool(optimizer.ask(9)) is not ends


def test_search_when_the_budget_cannot_pay_the_start_stops_at_once() -> None:
    optimizer = make(budget=3)
    assert optimizer.ask(9) == []
    assert optimizer.stop_reason() == (
        "rollout budget: 0 of the search's 3 used; scoring the initial candidate needs up to 4"
    )


def test_patience_when_proposals_bring_no_new_best_ends_the_search() -> None:
    optimizer = make(patience=2)
    for reply in (0.5, 0.0, None, 0.0):
        answer_stage(optimizer, reply)
    assert optimizer.stop_reason() is None
    answer_stage(optimizer, None)
    assert optimizer.stop_reason() == "patience: 2 proposals in a row brought no new best"


def test_max_proposals_when_made_ends_the_search() -> None:
    optimizer = make(max_proposals=1)
    for reply in (0.5, 0.0, CHILD, 0.0):
        answer_stage(optimizer, reply)
    assert optimizer.stop_reason() == "max proposals: 1 of 1 made"


def test_round_robin_when_a_child_joins_it_goes_on_where_its_parent_was() -> None:
    initial = Candidate.of({"one": "1", "two": "2"})
    optimizer = make(initial, candidate_selector="current_best")
    for reply in (0.5, 0.0):
        answer_stage(optimizer, reply)
    first, _ = answer_stage(optimizer, "```\nnew\n```")
    for reply in (1.0, 1.0, 0.0):
        answer_stage(optimizer, reply)
    second = optimizer.ask(9)
    assert [i.work_id for i in [*first, *second]] == ["i1.reflect.one", "i2.reflect.two"]


def test_parts_when_a_whole_search_runs_are_never_mixed() -> None:
    optimizer, seen = make(), set()
    landscape = Landscape(num_lessons=3)
    while optimizer.stop_reason() is None:
        for item in optimizer.ask(50):
            if isinstance(item, EvaluateCandidate):
                seen.add((item.example.part, item.example.seed))
            optimizer.tell(landscape.answer(item))
    expected = {(Part.TRAIN, s) for s in TRAIN} | {(Part.VALIDATION, s) for s in VALIDATION}
    assert seen == expected
