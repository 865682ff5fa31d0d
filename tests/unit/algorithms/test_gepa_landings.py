"""Landings: lessons merged onto the current text, gated, scored once, bisected on failure."""

from collections.abc import Callable

from ray_promptopt.algorithms.gepa.lanes.racing import is_hopeless, shard_size
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.population import Member, Origin, Population
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import DecisionKind, EvaluateCandidate, Purpose, WorkItem
from tests.fakes.landscape import Reply, kinds
from tests.fakes.lanes import HandDriven, fenced, lane_settings


def two_lessons(**settings: object) -> HandDriven:
    """The initial candidate scored 0.5, and two lessons of it that are being merged."""
    search = HandDriven(lane_settings(**settings))  # type: ignore[arg-type]
    search.answer("g0", 0.5)
    search.find_lesson(0, "base one")
    search.find_lesson(1, "base two")
    return search


def test_landing_when_two_lessons_wait_asks_the_model_for_one_text() -> None:
    search = two_lessons()
    said = search.prompt_of("g1.merge")
    assert "base" in said
    assert "one" in said
    assert "two" in said


def test_landing_when_the_text_is_merged_gates_it_on_the_lessons_own_examples() -> None:
    search = two_lessons()
    search.answer("g1.merge", fenced("base one two"))
    gate = [item for key, item in search.open.items() if key.startswith("g1.gate")]
    assert len(gate) == 4
    assert all(isinstance(i, EvaluateCandidate) and i.example.part is Part.TRAIN for i in gate)


def test_landing_when_the_merged_text_is_the_new_best_joins_with_its_parent() -> None:
    search = two_lessons()
    search.answer("g1.merge", fenced("base one two"))
    search.answer("g1.gate", 1.0)
    decided = search.answer("g1.valid", 1.0)
    assert DecisionKind.NEW_BEST in kinds(decided)
    view = search.optimizer.view()
    merged = next(c for c in view.candidates if c.candidate.id == view.counts.best)
    assert merged.candidate == Candidate.of({"prompt": "base one two"})
    assert merged.origin == "merge"
    assert merged.parents == (view.candidates[0].candidate.id,)


def test_landing_when_the_gate_fails_lands_the_halves_apart() -> None:
    search = two_lessons()
    search.answer("g1.merge", fenced("base muddled"))
    decided = search.answer("g1.gate", 0.0)
    assert DecisionKind.PROPOSAL_DISCARDED in kinds(decided)
    first = next(item for key, item in search.open.items() if key.startswith("g2.valid"))
    assert isinstance(first, EvaluateCandidate)
    assert first.candidate.texts["prompt"] == "base two"  # a lane has gated it: no merge, no gate
    assert "g3.target" in search.stages()  # the other half builds on what is being scored


def test_landing_when_the_merged_text_is_not_better_on_validation_is_bisected() -> None:
    search = two_lessons()
    search.answer("g1.merge", fenced("base one two"))
    search.answer("g1.gate", 1.0)
    search.answer("g1.valid", 0.5)
    assert {"g2.valid", "g3.target"} <= search.stages()


def test_landing_when_a_single_lesson_fails_remembers_it_as_rejected() -> None:
    search = two_lessons(concurrent=20)
    search.answer("g1.merge", fenced("base muddled"))
    search.answer("g1.gate", 0.0)
    search.answer("g2.valid", 0.25)
    lane = next(stage for stage in sorted(search.stages()) if stage.endswith(".parent"))
    search.answer(lane, 0.0)
    reflect = lane.replace("parent", "reflect")
    assert "did not help" in search.prompt_of(reflect)


def test_landing_when_a_lesson_is_lost_in_the_merge_lands_it_again_later() -> None:
    search = two_lessons(concurrent=20)
    search.answer("g1.merge", fenced("base one"))
    kept = search.seeds_of("l0.child")
    search.answer("g1.gate", lambda item: float(seed_of(item) in kept))
    search.answer("g1.valid", 1.0)
    search.find_lesson(2, "base three")
    search.answer("g2.target", 0.0)
    said = search.prompt_of("g2.merge")
    assert "two" in said
    assert "three" in said


def good_lane(text: str) -> Callable[[WorkItem], Reply]:
    """Every model call writes this text, and every child is perfect where its base failed."""

    def reply(item: WorkItem) -> Reply:
        if not isinstance(item, EvaluateCandidate):
            return fenced(text)
        better = {Purpose.CHILD_MINIBATCH: 1.0, Purpose.PARENT_MINIBATCH: 0.0}
        return better.get(item.purpose, 0.5)

    return reply


def seed_of(item: WorkItem) -> int:
    assert isinstance(item, EvaluateCandidate)
    return item.example.seed


def test_landing_when_the_target_has_learnt_the_lesson_already_drops_it() -> None:
    search = two_lessons(concurrent=20)
    search.find_lesson(2, "base three")
    search.find_lesson(3, "base four")
    search.answer("g1.merge", fenced("base one two"))
    search.answer("g1.gate", 1.0)
    assert "g2.target" in search.stages()  # the next landing builds on what is being scored
    decided = search.answer("g2.target", 1.0)
    assert kinds(decided) == [DecisionKind.PROPOSAL_DISCARDED] * 2
    assert search.optimizer.discarded == {"overtaken": 2}


def test_landing_when_another_is_being_scored_builds_on_its_text() -> None:
    search = two_lessons(concurrent=20)
    search.find_lesson(2, "base three")
    search.find_lesson(3, "base four")
    search.answer("g1.merge", fenced("base one two"))
    search.answer("g1.gate", 1.0)
    search.answer("g2.target", 0.0)
    assert "base one two" in search.prompt_of("g2.merge")
    search.answer("g2.merge", fenced("base one two three four"))
    search.answer("g2.gate", 1.0)
    search.answer("g1.valid", 0.75)
    search.answer("g2.valid", 1.0)
    view = search.optimizer.view()
    last = view.candidates[-1]
    assert last.candidate.id == view.counts.best
    assert view.candidates[1].candidate.id in last.parents


def test_landing_when_the_model_finds_nothing_to_add_lets_the_lessons_go() -> None:
    search = two_lessons()
    decided = search.answer("g1.merge", fenced("base"))
    assert kinds(decided) == [DecisionKind.PROPOSAL_DISCARDED] * 2
    assert all("added nothing" in decision.message for decision in decided)


def test_landing_when_lessons_touch_different_components_needs_no_model() -> None:
    search = HandDriven(lane_settings(), {"answer": "a", "find": "b"})
    search.answer("g0", 0.5)
    search.find_lesson(0, "a better")
    search.find_lesson(1, "b better")
    gate = next(item for key, item in search.open.items() if key.startswith("g1.gate"))
    assert isinstance(gate, EvaluateCandidate)
    assert gate.candidate.texts == {"answer": "a better", "find": "b better"}


def test_landing_when_the_child_is_clearly_worse_is_not_scored_to_the_end() -> None:
    lanes = LaneSettings(max_concurrent=200, racing=True)
    search = HandDriven(lane_settings(validation=64, budget=900, lanes=lanes))
    search.answer("g0", 0.5)
    while "g1.merge" not in search.stages():
        lane = next(s for s in sorted(search.stages()) if s.startswith("l"))
        search.answer(lane, good_lane(f"base {lane}"))
    search.answer("g1.merge", fenced("base all"))
    search.answer("g1.gate", 1.0)
    asked = sum(key.startswith("g1.valid") for key in search.open)
    assert asked == shard_size(64)
    decided = search.answer("g1.valid", 0.0)
    assert any("clearly worse" in decision.message for decision in decided)
    assert not any(key.startswith("g1.") for key in search.open)


def test_is_hopeless_when_worse_but_best_on_one_example_says_no() -> None:
    seeds = tuple(range(20))
    population = Population(seeds)
    member = Member(Candidate.of({"p": "x"}), (), Origin.INITIAL, 0)
    population.add(member, {seed: Measurement(float(seed > 0)) for seed in seeds}, 0)
    worse = dict.fromkeys(seeds[1:], 0.0)
    assert is_hopeless(worse, population)
    assert not is_hopeless({**worse, 0: 1.0}, population)
    assert not is_hopeless(dict.fromkeys(seeds[1:8], 0.0), population)  # too few for a verdict
    assert not is_hopeless(dict.fromkeys(seeds, 1.0), population)


def test_budget_when_the_search_ends_has_room_for_no_further_landing() -> None:
    search = HandDriven(lane_settings(budget=60))
    while search.open:
        key = next(iter(search.open))
        search.answer(key, good_lane(f"base {key}"))
    counts = search.optimizer.counts()
    assert "rollout budget" in str(search.optimizer.stop_reason())
    assert 60 - 12 < counts.rollouts_used <= 60


def two_groups_of_a_large_search() -> HandDriven:
    """The initial candidate scored 0.5, and two groups of two lessons that are being merged."""
    search = HandDriven(lane_settings(train=40, budget=4000, concurrent=64))
    search.answer("g0", 0.5)
    for lane, word in enumerate(("apples", "pears", "plums", "figs")):
        search.find_lesson(lane, f"base {word}")
    return search


def test_landings_when_there_are_many_slots_are_merged_side_by_side() -> None:
    search = two_groups_of_a_large_search()
    assert {"g1.merge", "g2.merge"} <= search.stages()
    assert "apples" not in search.prompt_of("g2.merge")  # it does not build on the other


def test_landing_when_another_became_the_best_meanwhile_lands_its_lessons_on_that_one() -> None:
    search = two_groups_of_a_large_search()
    search.answer("g1.merge", fenced("base apples pears"))
    search.answer("g2.merge", fenced("base plums figs"))
    for number, score in ((1, 1.0), (2, 0.75)):
        search.answer(f"g{number}.gate", 1.0)
        search.answer(f"g{number}.valid", score)
    search.find_lesson(4, "base grapes")
    search.answer("g3.target", 0.0)
    assert "base apples pears" in search.prompt_of("g3.merge")
    assert "plums" in search.prompt_of("g3.merge")
    assert "figs" in search.prompt_of("g3.merge")


def test_landing_when_it_is_no_better_than_what_it_landed_on_is_bisected_all_the_same() -> None:
    search = two_groups_of_a_large_search()
    search.answer("g1.merge", fenced("base apples pears"))
    search.answer("g2.merge", fenced("base plums figs"))
    for number, score in ((1, 1.0), (2, 0.5)):
        search.answer(f"g{number}.gate", 1.0)
        search.answer(f"g{number}.valid", score)
    search.answer("g3.target", 0.0)
    said = search.prompt_of("g3.merge")
    assert ("plums" in said) != ("figs" in said)  # apart
