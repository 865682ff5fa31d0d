"""Lanes: how a lesson is found, what is paid for once, what is remembered."""

import pytest

from ray_promptopt.algorithms.gepa.lanes.edit_book import EditBook
from ray_promptopt.algorithms.gepa.lanes.jobs import Lane
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.algorithms.gepa.lanes.stages import (
    TRANSITIONS,
    LandingStage,
    LaneStage,
    Stage,
)
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import DecisionKind, EvaluateCandidate
from tests.fakes.landscape import kinds
from tests.fakes.lanes import HandDriven, fenced, lane_settings

BASE = Candidate.of({"prompt": "Answer the question in one word."})


@pytest.mark.parametrize("stage", [*LaneStage, *LandingStage])
def test_every_stage_when_followed_to_the_end_is_done(stage: Stage) -> None:
    reached, waiting = {stage}, [stage]
    while waiting:
        following = TRANSITIONS[waiting.pop()] - reached
        reached |= following
        waiting.extend(following)
    assert reached & {LaneStage.DONE, LandingStage.DONE}
    assert len({type(one) for one in reached}) == 1


def test_lane_when_sent_to_a_stage_that_may_not_follow_refuses() -> None:
    lane = Lane(3, BASE, (0, 1), ("prompt",), 4)
    with pytest.raises(
        ValueError, match=r"lane 3: child_minibatch may not follow parent_minibatch"
    ):
        lane.move_to(LaneStage.CHILD_MINIBATCH)


def test_lanes_when_the_search_begins_do_not_wait_for_the_initial_validation() -> None:
    search = HandDriven(lane_settings())
    assert {"g0.valid", "l0.parent", "l1.parent"} <= search.stages()


def test_lane_when_its_child_is_better_on_the_minibatch_keeps_a_lesson() -> None:
    search = HandDriven(lane_settings())
    search.find_lesson(0, "base better")
    assert kinds(search.decisions) == [
        DecisionKind.CANDIDATE_PROPOSED,
        DecisionKind.CANDIDATE_ACCEPTED,
    ]
    accepted = search.decisions[-1]
    assert accepted.candidate == Candidate.of({"prompt": "base better"})
    assert "sum 0 -> 2 over 2 examples" in accepted.message


@pytest.mark.parametrize("after", [0.0, 0.5])
def test_lane_when_its_child_is_not_strictly_better_rejects_it(after: float) -> None:
    search = HandDriven(lane_settings())
    search.find_lesson(0, "base other", before=0.5, after=after)
    assert kinds(search.decisions)[-1] is DecisionKind.CANDIDATE_REJECTED
    assert search.optimizer.counts().rejected == 1


def test_lane_when_the_parent_is_perfect_on_the_minibatch_asks_the_model_nothing() -> None:
    search = HandDriven(lane_settings())
    decided = search.answer("l0.parent", 1.0)
    assert kinds(decided) == [DecisionKind.ITERATION_SKIPPED]
    assert not any(stage.startswith("l0.") for stage in search.stages())


def test_lane_when_the_parent_was_run_on_its_examples_before_runs_only_the_child() -> None:
    search = HandDriven(lane_settings(train=2, concurrent=7))
    search.answer("g0", 0.5)
    search.find_lesson(0, "base worse", before=0.5, after=0.0)
    asked = {key.split(".")[0] for key in search.open if ".parent." in key}
    reflecting = {key.split(".")[0] for key in search.open if ".reflect." in key}
    assert reflecting - asked


def test_lane_when_a_rejected_edit_of_its_parent_is_known_tells_the_model() -> None:
    search = HandDriven(lane_settings(concurrent=8))
    search.answer("g0", 0.5)
    search.find_lesson(0, "base with a bad idea", before=0.5, after=0.0)
    search.answer("l3.parent", 0.0)
    assert "with a bad idea" in search.prompt_of("l3.reflect")


def test_lane_when_its_edit_was_tried_before_drops_it_before_it_costs_a_rollout() -> None:
    search = HandDriven(lane_settings())
    search.find_lesson(0, "base with a new rule", after=0.0)
    search.answer("l1.parent", 0.0)
    decided = search.answer("l1.reflect", fenced("base  with a new RULE."))
    assert kinds(decided) == [DecisionKind.PROPOSAL_DISCARDED]
    assert search.optimizer.discarded == {"duplicate": 1}


def test_lane_when_the_reflection_cannot_be_read_asks_once_more_and_then_gives_up() -> None:
    search = HandDriven(lane_settings())
    search.answer("l0.parent", 0.0)
    search.answer("l0.reflect.", "no fence")
    assert "could not be used" in search.prompt_of("l0.reflect-again")
    decided = search.answer("l0.reflect-again", "no fence again")
    assert kinds(decided) == [DecisionKind.PROPOSAL_DISCARDED]
    assert search.optimizer.discarded == {"unfenced": 1}


def test_lane_when_rollouts_are_lost_compares_what_both_were_scored_on() -> None:
    search = HandDriven(lane_settings())
    search.answer("l0.parent", None, most=1)
    search.answer("l0.parent", 0.0)
    search.answer("l0.reflect", fenced("base better"))
    children = [item for key, item in search.open.items() if key.startswith("l0.child")]
    assert len(children) == 1
    decided = search.answer("l0.child", 1.0)
    assert "over 1 examples" in decided[-1].message


def test_lanes_when_several_components_exist_take_turns_with_them() -> None:
    search = HandDriven(lane_settings(), {"answer": "a", "find": "b"})
    search.answer("l0.parent", 0.0)
    search.answer("l1.parent", 0.0)
    search.answer("l2.parent", 0.0)
    asked = [key for key in search.open if key.startswith(("l0.ref", "l1.ref", "l2.ref"))]
    assert asked == ["l0.reflect.answer", "l1.reflect.find", "l2.reflect.answer"]


def test_first_lanes_when_variants_are_wanted_write_them_without_evidence() -> None:
    lanes = LaneSettings(max_concurrent=12, num_variants=2, racing=False)
    search = HandDriven(lane_settings(lanes=lanes))
    for lane in (0, 1, 2):
        search.answer(f"l{lane}.parent", 0.5)
    variants = [search.prompt_of(f"l{lane}.reflect") for lane in (0, 1)]
    assert variants[0] != variants[1]
    assert not any("feedback" in said for said in variants)
    assert "feedback" in search.prompt_of("l2.reflect")


def test_search_when_no_lane_gives_a_new_text_for_long_says_so_and_ends() -> None:
    search = HandDriven(lane_settings(train=2))
    search.answer("g0", 0.5)
    while search.open:
        next_id = next(iter(search.open))
        item = search.open[next_id]
        search.answer(next_id, 0.0 if isinstance(item, EvaluateCandidate) else "no fence")
    assert "nothing left to try" in str(search.optimizer.stop_reason())


def test_edit_book_when_an_edit_says_the_same_in_other_order_knows_it() -> None:
    book = EditBook()
    assert book.try_edit(BASE, {"prompt": "Answer the question in one word. Be brief and exact."})
    assert not book.try_edit(
        BASE, {"prompt": "Be exact and brief! Answer the question in one word"}
    )
    assert book.try_edit(BASE, {"prompt": "Answer the question in one word. Think first."})
    assert book.try_edit(BASE.with_texts({"prompt": "Answer."}), {"prompt": "Be brief and exact."})
