"""A fixed list of work items, carried out side by side: baseline rollouts and held-out scoring."""

import asyncio
from collections.abc import Callable, Sequence

from ray_promptopt.core.work import EvaluateCandidate, Outcome
from ray_promptopt.runs.execution import Executor


async def execute_all(
    executor: Executor,
    items: Sequence[EvaluateCandidate],
    *,
    max_concurrent: int,
    in_budget: bool,
    stopping: Callable[[], bool],
) -> list[Outcome]:
    """The outcomes of the items that were begun; none is begun once `stopping` says so, or once a
    budget is used up. Raises RunStopped."""
    waiting = list(reversed(items))
    outcomes: list[Outcome] = []

    async def work() -> None:
        while waiting and not stopping():
            item = waiting.pop()
            if not executor.try_reserve(item, in_budget=in_budget):
                return
            outcomes.append(await executor.execute(item))

    workers = [asyncio.create_task(work()) for _ in range(min(max_concurrent, len(items)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return outcomes
