"""The wide schedule with barriers that the simulator compares with."""

from benchmarks.simulation.engine import Call, Record
from benchmarks.simulation.landscape import Landscape, WorldSettings
from benchmarks.simulation.measure import Setup, simulate
from benchmarks.simulation.pxn import PxnSearch
from benchmarks.simulation.world import INITIAL
from ray_promptopt.algorithms.gepa import GepaSettings
from ray_promptopt.core.work import DecisionKind, Purpose, SearchView

WORLD = WorldSettings(lessons=6, train=30, validation=8, held_out=50, quality=1.0)


def run(
    parents: int, proposals: int, rollout_budget: int, world: WorldSettings = WORLD
) -> tuple[Record, SearchView]:
    landscape = Landscape(world, 1)
    settings = GepaSettings(landscape.train, landscape.validation, rollout_budget)
    search = PxnSearch(settings, INITIAL, parents, proposals)
    setup = Setup(rollout_budget=rollout_budget, max_concurrent=7)
    return simulate(search, landscape, setup), search.view()


def test_a_stage_begins_only_when_the_one_before_is_over() -> None:
    record, _ = run(2, 2, 300)
    stages: list[Purpose] = []
    for call in sorted(record.calls, key=lambda call: call.sent_s):
        if not stages or stages[-1] is not call.purpose:
            stages.append(call.purpose)
    cycle = [
        Purpose.PARENT_MINIBATCH,
        Purpose.REFLECTION,
        Purpose.CHILD_MINIBATCH,
        Purpose.VALIDATION,
    ]
    assert stages[0] is Purpose.INITIAL_VALIDATION
    assert stages[1:5] == cycle
    ends = {purpose: max(c.done_s for c in first) for purpose, first in _first_runs(record).items()}
    starts = {p: min(c.sent_s for c in first) for p, first in _first_runs(record).items()}
    assert ends[Purpose.PARENT_MINIBATCH] == starts[Purpose.REFLECTION]
    assert ends[Purpose.REFLECTION] == starts[Purpose.CHILD_MINIBATCH]


def _first_runs(record: Record) -> dict[Purpose, list[Call]]:
    """The calls of the first iteration by purpose: 4 tasks of 3 examples."""
    first: dict[Purpose, list[Call]] = {}
    limits = {Purpose.PARENT_MINIBATCH: 12, Purpose.REFLECTION: 4, Purpose.CHILD_MINIBATCH: 12}
    for call in record.calls:
        if len(first.setdefault(call.purpose, [])) < limits.get(call.purpose, 1000):
            first[call.purpose].append(call)
    return first


def test_every_child_of_the_first_iteration_descends_from_the_initial_prompt() -> None:
    _, view = run(8, 1, 8 + 8 * 6 + 8 * 8)
    assert len(view.candidates) > 4
    initial = view.candidates[0].candidate.id
    assert {summary.parents for summary in view.candidates[1:]} == {(initial,)}


def test_the_last_iteration_is_cut_to_what_is_affordable() -> None:
    record, view = run(8, 1, 8 + 8 * 6 + 2 * 8 + 5)
    assert record.rollouts == 8 + 8 * 6 + 2 * 8
    assert len(view.candidates) == 3
    assert record.num_decisions[DecisionKind.CANDIDATE_ACCEPTED] == 2


def test_a_parent_that_is_perfect_on_its_minibatch_is_left_alone() -> None:
    easy = WorldSettings(train=30, validation=8, held_out=50, easy_share=1.0)
    record, view = run(2, 1, 50, easy)
    assert {call.purpose for call in record.calls} == {
        Purpose.INITIAL_VALIDATION,
        Purpose.PARENT_MINIBATCH,
    }
    assert len(view.candidates) == 1
    assert view.counts.rollouts_used == record.rollouts


def test_one_parent_with_one_proposal_goes_as_deep_as_it_has_members() -> None:
    _, view = run(1, 1, 200)
    assert len(view.candidates) > 4
    iterations = [summary.iteration for summary in view.candidates]
    assert iterations == sorted(set(iterations))
