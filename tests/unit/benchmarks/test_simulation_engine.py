"""The simulator's own invariants, for every schedule that it compares."""

from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.simulation.engine import Call, Simulation, SimulationError
from benchmarks.simulation.landscape import Landscape, WorldSettings
from benchmarks.simulation.latency import Latencies
from benchmarks.simulation.measure import Measured, Setup, run_once, simulate, utilisation
from benchmarks.simulation.schedules import SCHEDULES
from benchmarks.simulation.world import INITIAL
from benchmarks.simulation.worlds import WORLDS
from ray_promptopt.algorithms.gepa import GepaOptimizer, GepaSettings
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.work import (
    Decision,
    EvaluateCandidate,
    Evidence,
    Outcome,
    Purpose,
    RolloutOutcome,
    SearchView,
    WorkItem,
)

SMALL = WorldSettings(lessons=6, train=12, validation=8, held_out=50)
SETUP = Setup(rollout_budget=150, max_concurrent=5)


def measured(schedule: str, seed: int = 1) -> Measured:
    return run_once(schedule, "small", SMALL, seed, SETUP)


def settings(landscape: Landscape) -> GepaSettings:
    return GepaSettings(landscape.train, landscape.validation, SETUP.rollout_budget)


def calls_of(schedule: str) -> list[Call]:
    landscape = Landscape(SMALL, 1)
    return simulate(SCHEDULES[schedule](settings(landscape), INITIAL), landscape, SETUP).calls


class Scripted:
    """Hands out what it was given, however much is asked for; never says why it would stop."""

    def __init__(self, items: list[WorkItem], reason: str | None = None) -> None:
        self.items, self.reason = items, reason
        self.told: list[str] = []

    def ask(self, capacity: int) -> list[WorkItem]:
        handed, self.items = self.items, []
        return handed

    def tell(self, outcome: Outcome) -> list[Decision]:
        self.told.append(outcome.work_id)
        return []

    def stop_reason(self) -> str | None:
        return self.reason

    def view(self) -> SearchView:
        raise AssertionError("the engine needs no view of the search")


def rollout(number: int) -> EvaluateCandidate:
    example = Example(Part.TRAIN, number)
    return EvaluateCandidate(WorkId(f"w{number}"), INITIAL, example, Purpose.PARENT_MINIBATCH)


def simulation(searcher: Scripted, max_concurrent: int, rollout_budget: int) -> Simulation:
    def answer(item: WorkItem, latency_s: float) -> Outcome:
        return RolloutOutcome(item.work_id, 1.0, Evidence("", "", ""), latency_s=latency_s)

    durations = {"w0": 3.0, "w1": 1.0, "w2": 2.0}
    return Simulation(
        searcher,
        answer,
        lambda item: durations[item.work_id],
        max_concurrent=max_concurrent,
        rollout_budget=rollout_budget,
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_never_more_calls_are_in_flight_than_there_are_slots(schedule: str) -> None:
    calls = calls_of(schedule)
    changes = sorted([(c.done_s, -1) for c in calls] + [(c.sent_s, 1) for c in calls])
    in_flight = peak = 0
    for _, change in changes:
        in_flight += change
        peak = max(peak, in_flight)
    assert peak == SETUP.max_concurrent


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_time_never_runs_backwards(schedule: str) -> None:
    calls = calls_of(schedule)
    assert all(before.done_s <= after.done_s for before, after in pairwise(calls))
    assert all(call.sent_s < call.done_s for call in calls)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rollout_budget", [8, 20, 97, 150])
def test_the_budget_is_never_overshot(schedule: str, rollout_budget: int) -> None:
    setup = Setup(rollout_budget=rollout_budget, max_concurrent=5)
    result = run_once(schedule, "small", SMALL, 1, setup)
    assert 8 <= result.rollouts <= rollout_budget
    assert sum(result.rollouts_by_purpose.values()) == result.rollouts


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_same_seed_gives_the_same_result_and_another_seed_another(schedule: str) -> None:
    assert measured(schedule) == measured(schedule)
    assert measured(schedule).curve != measured(schedule, seed=2).curve


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_search_improves_on_the_initial_prompt_in_a_world_without_obstacles(
    schedule: str,
) -> None:
    result = measured(schedule)
    assert result.held_out > result.curve[0].held_out
    assert result.lineage_depth >= 1


def test_outcomes_are_told_in_the_order_of_completion() -> None:
    searcher = Scripted([rollout(0), rollout(1), rollout(2)], "done")
    record = simulation(searcher, max_concurrent=3, rollout_budget=3).run()
    assert searcher.told == ["w1", "w2", "w0"]
    assert [call.done_s for call in record.calls] == [1.0, 2.0, 3.0]


def test_an_optimizer_that_overspends_is_an_error() -> None:
    searcher = Scripted([rollout(0), rollout(1)], "done")
    with pytest.raises(SimulationError, match="overspends 1"):
        simulation(searcher, max_concurrent=2, rollout_budget=1).run()


def test_an_optimizer_that_hands_out_more_than_was_asked_for_is_an_error() -> None:
    searcher = Scripted([rollout(0), rollout(1)], "done")
    with pytest.raises(SimulationError, match="up to 1 items, got 2"):
        simulation(searcher, max_concurrent=1, rollout_budget=5).run()


def test_an_optimizer_that_goes_on_without_work_is_an_error() -> None:
    with pytest.raises(SimulationError, match="nothing is in flight"):
        simulation(Scripted([rollout(1)]), max_concurrent=1, rollout_budget=5).run()


def test_utilisation_is_the_share_of_slot_seconds_in_the_span() -> None:
    calls = [Call(0.0, 2.0, Purpose.VALIDATION), Call(1.0, 4.0, Purpose.VALIDATION)]
    assert utilisation(calls, 0.0, 4.0, max_concurrent=2) == pytest.approx(5 / 8)
    assert utilisation(calls, 2.0, 3.0, max_concurrent=2) == pytest.approx(1 / 2)


def test_the_median_reflection_takes_its_factor_of_the_median_rollout() -> None:
    latencies = Latencies(policy_median_s=0.3, reflection_factor=7.0, sigma=0.5)
    seconds = sorted(latencies.seconds(rollout(number), 1) for number in range(2001))
    assert seconds[1000] == pytest.approx(0.3, rel=0.05)
    assert seconds[0] > 0


def test_the_optimizer_of_production_runs_as_it_is() -> None:
    landscape = Landscape(SMALL, 1)
    optimizer = GepaOptimizer(settings(landscape), INITIAL)
    record = simulate(optimizer, landscape, SETUP)
    view = optimizer.view()
    assert view.counts.rollouts_used == record.rollouts
    assert record.bests[-1].candidate.id == view.counts.best
    assert Counter(call.purpose for call in record.calls)[Purpose.INITIAL_VALIDATION] == 8


@pytest.mark.parametrize("world", WORLDS)
def test_every_world_can_be_run(world: str) -> None:
    setup = Setup(rollout_budget=60)
    result = run_once("reference", world, WORLDS[world], 0, setup)
    assert result.rollouts <= 60
