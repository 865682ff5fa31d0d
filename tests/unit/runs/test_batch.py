import asyncio
from pathlib import Path

import pytest

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import TrialId, WorkId
from ray_promptopt.core.work import EvaluateCandidate, Purpose
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.result import ErrorKind, ErrorRecord, RolloutResult
from ray_promptopt.runs.batch import execute_all
from ray_promptopt.runs.execution import Executor, RunStopped
from ray_promptopt.runs.failure_policy import FailurePolicy
from ray_promptopt.runs.ledger import BudgetLedger, RunLimits
from tests.fakes.world import RUN, World

ITEMS = [
    EvaluateCandidate(
        WorkId(f"h.{seed}"), Candidate(()), Example(Part.TEST, seed), Purpose.HELD_OUT
    )
    for seed in range(10)
]


async def no_wait(_seconds: float) -> None:
    await asyncio.sleep(0)


def executor(world: World, rollouts: int = 10) -> Executor:
    world.create()
    ledger = BudgetLedger(RunLimits(rollouts))
    return Executor(RUN, world.store, ledger, FailurePolicy(2, 3), world, world, world, no_wait)


async def test_batch_when_all_is_well_then_every_item_comes_home_side_by_side(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    outcomes = await execute_all(
        executor(world), ITEMS, max_concurrent=3, in_budget=True, stop=asyncio.Event()
    )
    assert {outcome.work_id for outcome in outcomes} == {item.work_id for item in ITEMS}
    assert world.most_in_flight == 3


async def test_batch_when_the_budget_is_used_up_then_begins_no_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    outcomes = await execute_all(
        executor(world, rollouts=4), ITEMS, max_concurrent=3, in_budget=True, stop=asyncio.Event()
    )
    assert len(outcomes) == world.attempts == 4


async def test_batch_when_the_run_is_stopped_then_what_is_in_flight_comes_home(
    tmp_path: Path,
) -> None:
    stop = asyncio.Event()

    def stop_after_the_third(item: EvaluateCandidate, attempts: int) -> None:
        if attempts > 3:
            stop.set()

    world = World(tmp_path, fault=stop_after_the_third)
    outcomes = await execute_all(
        executor(world), ITEMS, max_concurrent=3, in_budget=True, stop=stop
    )
    assert len(outcomes) == world.attempts < len(ITEMS)


async def test_batch_when_the_run_is_stopped_then_an_item_that_hangs_is_not_waited_for_for_ever(
    tmp_path: Path,
) -> None:
    stop = asyncio.Event()

    class Hanging(World):
        async def run(
            self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
        ) -> RolloutResult:
            stop.set()
            await asyncio.Event().wait()
            raise AssertionError("it hangs")

    hanging = executor(Hanging(tmp_path))
    outcomes = await execute_all(
        hanging, ITEMS, max_concurrent=3, in_budget=True, stop=stop, grace_s=0.01
    )
    assert outcomes == []
    assert hanging.ledger.rollouts.reserved == 0
    assert hanging.in_flight == 0


async def test_batch_when_nothing_can_succeed_then_raises_and_leaves_nothing_reserved(
    tmp_path: Path,
) -> None:
    fatal = ErrorRecord(ErrorKind.FATAL, "no API key")
    stopped = executor(World(tmp_path, fault=lambda item, attempt: fatal))
    with pytest.raises(RunStopped, match="no API key"):
        await execute_all(stopped, ITEMS, max_concurrent=3, in_budget=True, stop=asyncio.Event())
    assert stopped.ledger.rollouts.reserved == 0


async def test_batch_when_a_price_is_not_known_yet_then_waits_for_it_and_loses_no_item(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    ledger = BudgetLedger(RunLimits(10, cost_usd=1.0))
    world.create()
    careful = Executor(RUN, world.store, ledger, FailurePolicy(2, 3), world, world, world, no_wait)
    outcomes = await execute_all(
        careful, ITEMS, max_concurrent=3, in_budget=True, stop=asyncio.Event()
    )
    assert {outcome.work_id for outcome in outcomes} == {item.work_id for item in ITEMS}
