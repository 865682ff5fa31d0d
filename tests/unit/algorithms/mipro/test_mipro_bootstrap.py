from ray_promptopt.algorithms.mipro.bootstrap import (
    ScoredRollout,
    demo_sets,
    demos_of,
    labelled_demos_of,
)
from ray_promptopt.algorithms.randomness import stream
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.work import Evidence, StageCall

POOL = [Demo(f"q{n}", f"a{n}") for n in range(5)]


def rollout(seed: int, score: float, calls: tuple[StageCall, ...] = ()) -> ScoredRollout:
    return ScoredRollout(seed, score, Evidence(f"q{seed}", f"a{seed}", "fine", calls))


def sets_of(
    pool: list[Demo], labelled: list[Demo] | None = None, **options: object
) -> list[tuple[Demo, ...]]:
    chosen = {"max_demos": 4, "sets_per_size": 2, "include_empty": True} | options
    rng = stream(1, "demos", 0)
    return demo_sets(pool, labelled or [], rng, **chosen)  # type: ignore[arg-type]


def test_demonstrations_are_the_rollouts_from_the_threshold_on_once_each() -> None:
    rollouts = [rollout(0, 0.8), rollout(1, 0.79), rollout(2, 1.0), rollout(0, 1.0)]
    assert demos_of(rollouts, "main", 0.8) == [Demo("q0", "a0"), Demo("q2", "a2")]


def test_demonstrations_when_a_side_is_empty_are_none() -> None:
    empty = ScoredRollout(1, 1.0, Evidence("q", "  ", "fine"))
    assert demos_of([empty], "main", 0.5) == []


def test_demonstrations_of_a_pipeline_are_each_stage_s_own() -> None:
    calls = (StageCall("plan", "q", "p"), StageCall("answer", "p", "a"))
    rollouts = [rollout(0, 1.0, calls), rollout(1, 1.0)]
    assert demos_of(rollouts, "plan", 0.5) == [Demo("q", "p")]
    assert demos_of(rollouts, "answer", 0.5) == [Demo("p", "a")]


def test_demo_sets_have_every_size_and_no_set_twice() -> None:
    sets = sets_of(POOL)
    assert sets[0] == ()
    assert {len(chosen) for chosen in sets} == {0, 1, 2, 3, 4}
    assert len(set(sets)) == len(sets)
    assert all(len(set(chosen)) == len(chosen) and set(chosen) <= set(POOL) for chosen in sets)


def test_demo_sets_when_the_empty_one_is_unwanted_leave_it_out_unless_it_is_all_there_is() -> None:
    assert () not in sets_of(POOL, include_empty=False)
    assert sets_of([], include_empty=False) == [()]
    assert sets_of(POOL, max_demos=0) == [()]


def test_labelled_examples_are_what_the_last_call_should_have_answered() -> None:
    plain = ScoredRollout(0, 0.0, Evidence("q", "wrong", "no", right_output="right"))
    calls = (StageCall("plan", "q", "p"), StageCall("answer", "p", "wrong"))
    staged = ScoredRollout(1, 0.0, Evidence("q", "wrong", "no", calls, "right"))
    assert labelled_demos_of([plain, rollout(2, 1.0)], "main") == [Demo("q", "right")]
    assert labelled_demos_of([staged], "answer") == [Demo("p", "right")]
    assert labelled_demos_of([staged], "plan") == []


def test_demo_sets_with_labelled_examples_have_one_of_them_alone_and_one_that_they_fill_up() -> (
    None
):
    labelled = [Demo(f"l{n}", f"r{n}") for n in range(6)]
    sets = sets_of(POOL[:2], labelled)
    alone = [chosen for chosen in sets if chosen and set(chosen) <= set(labelled)]
    mixed = [chosen for chosen in sets if set(chosen) & set(labelled) and set(chosen) & set(POOL)]
    assert [len(chosen) for chosen in alone] == [4]
    assert [chosen[:2] for chosen in mixed] == [(POOL[0], POOL[1])]
    assert [len(chosen) for chosen in mixed] == [4]
    assert sets_of([], labelled)[0] == ()
    assert sets_of([], labelled, include_empty=False) != [()]
    assert sets_of([], labelled, max_demos=0) == [()]


def test_demo_sets_when_all_that_is_labelled_was_answered_right_have_nothing_more() -> None:
    assert sets_of(POOL, POOL) == sets_of(POOL)
