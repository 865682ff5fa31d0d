"""A fixed list of work items, carried out side by side: baseline rollouts and held-out scoring."""

import asyncio
from collections.abc import Sequence
from typing import Any

from ray_promptopt.core.work import EvaluateCandidate, Outcome
from ray_promptopt.runs.execution import GRACE_S, Executor


async def execute_all(
    executor: Executor,
    items: Sequence[EvaluateCandidate],
    *,
    max_concurrent: int,
    in_budget: bool,
    stop: asyncio.Event,
    grace_s: float = GRACE_S,
) -> list[Outcome]:
    """The outcomes of the items that came home. Raises RunStopped.

    None is begun while the gate is shut, once `stop` is set, or once a budget is used up; after
    `stop` what is in flight is awaited for `grace_s`.
    """
    waiting = list(reversed(items))
    outcomes: list[Outcome] = []

    async def work() -> None:
        while waiting and not stop.is_set():
            await executor.gate.passed()
            if stop.is_set() or not waiting:
                return
            item = waiting.pop()
            if not executor.try_reserve(item, in_budget=in_budget):
                waiting.append(item)
                return
            outcomes.append(await executor.execute(item))

    workers = [asyncio.create_task(work()) for _ in range(min(max_concurrent, len(items)))]
    all_home: asyncio.Future[Any] = asyncio.gather(*workers)
    stopped: asyncio.Future[Any] = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([all_home, stopped], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([all_home], timeout=grace_s)
        if all_home.done():
            all_home.result()
    finally:
        for task in (stopped, *workers):
            task.cancel()
        await asyncio.gather(stopped, all_home, *workers, return_exceptions=True)
    return outcomes
