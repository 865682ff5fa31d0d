"""Runs whose results come home in any order, and which are stopped or killed in the middle."""

import asyncio
import random

from ray_promptopt.core.ids import TrialId
from ray_promptopt.core.work import EvaluateCandidate
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.result import RolloutResult
from ray_promptopt.store.events import Event, outcome_id
from ray_promptopt.store.run_view import RunStatus, load_view
from tests.fakes.world import RUN, World


class ShufflingWorld(World):
    """Results come home in an order of their own, drawn from `order`."""

    order: random.Random

    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        result = await super().run(item, trial_id, baseline)
        for _ in range(self.order.randrange(12)):
            await asyncio.sleep(0)
        return result


def journal_of(world: World) -> list[Event]:
    """All events of the run."""
    return [stored.event for stored in world.store.events(RUN)]


def finish_with_breaks(world: World, breaks: list[tuple[int, bool]]) -> None:
    """Run to the end; each break is after so many attempts more, by a stop or (True) a kill."""
    for attempts, kill in breaks:
        if load_view(world.store, RUN).status is not RunStatus.SUCCEEDED:
            asyncio.run(_run_until(world, attempts, kill=kill))
    if load_view(world.store, RUN).status is not RunStatus.SUCCEEDED:
        assert asyncio.run(world.coordinator().run()) is RunStatus.SUCCEEDED


def assert_settled_once(journal: list[Event]) -> None:
    """No work item has two outcomes."""
    settled = [work_id for work_id in map(outcome_id, journal) if work_id is not None]
    assert len(settled) == len(set(settled))


async def _run_until(world: World, attempts: int, *, kill: bool) -> None:
    coordinator = world.coordinator()
    running = asyncio.create_task(coordinator.run())
    await world.attempted(world.attempts + attempts, running)
    if kill:
        running.cancel()
    else:
        coordinator.request_stop("stopped by a test")
    await asyncio.gather(running, return_exceptions=True)
