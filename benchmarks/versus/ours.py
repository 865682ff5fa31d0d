"""This project's search as a contestant: the real Optimizer, driven without Ray or gateway."""

import asyncio

from benchmarks.versus.problem import COMPONENT, SearchLimits
from benchmarks.versus.world import World
from ray_promptopt.algorithms.base import Optimizer
from ray_promptopt.algorithms.gepa import GepaSettings
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import (
    DecisionKind,
    Outcome,
    ProposalOutcome,
    ProposeText,
    RolloutOutcome,
    WorkItem,
)
from ray_promptopt.runs.optimizers import SCHEDULES


async def run_ours(
    world: World, limits: SearchLimits, schedule: str, *, in_waves: bool = False
) -> str:
    """Run to the end of the budget; the reason why it ended."""
    settings = GepaSettings(
        train=tuple(world.problem.places(Part.TRAIN)),
        validation=tuple(world.problem.places(Part.VALIDATION)),
        rollout_budget=limits.rollout_budget,
        minibatch_size=limits.minibatch_size,
        rng_seed=limits.seed,
        lanes=LaneSettings(max_concurrent=world.max_concurrent),
    )
    initial = Candidate.of({COMPONENT: world.problem.task.instruction})
    return await drive(SCHEDULES[schedule](settings, initial), world, in_waves=in_waves)


async def drive(optimizer: Optimizer, world: World, *, in_waves: bool) -> str:
    """As the run's own loop does: whenever a slot is free, ask; tell outcomes as they come.

    `in_waves`: nothing is told or asked before everything in flight has come home.
    """
    arrived: list[Outcome] = []

    async def carry_out(item: WorkItem) -> None:
        arrived.append(await _outcome(world, item))

    in_flight: set[asyncio.Task[None]] = set()
    when = asyncio.ALL_COMPLETED if in_waves else asyncio.FIRST_COMPLETED
    while True:
        items = optimizer.ask(world.max_concurrent - len(in_flight))
        in_flight.update(asyncio.create_task(carry_out(item)) for item in items)
        if not in_flight:
            return optimizer.stop_reason() or "no work left"
        done, in_flight = await asyncio.wait(in_flight, return_when=when)
        for task in done:
            task.result()
        for outcome in arrived:
            _tell(optimizer, world, outcome)
        arrived.clear()


def _tell(optimizer: Optimizer, world: World, outcome: Outcome) -> None:
    for decision in optimizer.tell(outcome):
        if decision.kind is DecisionKind.NEW_BEST and decision.candidate is not None:
            world.note_best(decision.candidate.texts[COMPONENT])


async def _outcome(world: World, item: WorkItem) -> Outcome:
    if isinstance(item, ProposeText):
        messages = [{"role": m.role, "content": m.content} for m in item.messages]
        return ProposalOutcome(item.work_id, await world.reflect(messages, item.seed))
    text = item.candidate.texts[COMPONENT]
    scored = await world.rollout(text, item.example.part, item.example.seed)
    return RolloutOutcome(item.work_id, scored.score, scored.evidence)
