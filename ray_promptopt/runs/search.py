"""The search loop: as soon as a slot is free, the algorithm is asked for what is worth doing next.

Nothing waits for a generation; outcomes come back one by one. What came home while the algorithm
was busy is told together, in the order of the journal.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.work import Decision, Outcome, SearchCounts, WorkItem
from ray_promptopt.runs.execution import GRACE_S, Executor
from ray_promptopt.runs.ports import OptimizerPort, PortLost
from ray_promptopt.store.events import Decided

T = TypeVar("T")

_PATIENCE_WITH_LOST_OPTIMIZER = 40
_WAIT_FOR_OPTIMIZER_S = 0.5

OnDecision = Callable[[Decision], Awaitable[None]]


class SearchLoop:
    """Drives one optimizer through one executor until one of them, or the user, ends it."""

    def __init__(
        self,
        optimizer: OptimizerPort,
        executor: Executor,
        *,
        max_concurrent: int,
        elapsed_s: Callable[[], float],
        on_decision: OnDecision,
        sleep: Callable[[float], Awaitable[None]],
        num_decided: int = 0,
    ) -> None:
        self._optimizer = optimizer
        self._executor = executor
        self._max_concurrent = max_concurrent
        self._elapsed_s = elapsed_s
        self._on_decision = on_decision
        self._sleep = sleep
        self._num_decided = num_decided
        self._in_flight: dict[WorkId, asyncio.Task[Outcome]] = {}
        self._waiting: list[WorkItem] = []
        self._finished: list[WorkId] = []
        self._changed = asyncio.Event()
        self._limit_reached: str | None = None
        self._stopping = False

    @property
    def _may_send(self) -> bool:
        return self._executor.gate.is_open and not self._stopping

    def wake(self) -> None:
        """Look again whether work may go out."""
        self._changed.set()

    def stop(self) -> None:
        """Send nothing more out, and end once what is in flight has come home."""
        self._stopping = True
        self.wake()

    async def run(self) -> str | None:
        """Why the search ended; None when it was stopped from outside. Raises RunStopped."""
        try:
            while True:
                await self._advance()
                if self._stopping:
                    break
                # Whoever opens the gate, or comes home, says that something has changed.
                if not self._in_flight and self._may_send and not self._changed.is_set():
                    return self._limit_reached or await self._ask_safely(
                        self._optimizer.stop_reason
                    )
                await self._changed.wait()
            await self._drain()
            return None
        finally:
            await self._cancel_all()

    async def counts(self) -> SearchCounts:
        """Where the optimizer's search stands."""
        return await self._ask_safely(self._optimizer.counts)

    async def _advance(self) -> None:
        """Tell what has come home and send out what is asked for, as long as there is either."""
        while True:
            self._changed.clear()
            outcomes = [self._in_flight.pop(work_id).result() for work_id in self._finished]
            self._finished.clear()
            step = await self._ask_safely(
                partial(self._optimizer.advance, outcomes, self._num_decided, self._wanted())
            )
            await self._journal(step.decisions)
            self._waiting += step.items
            sent = self._limit_reached is None and self._may_send and self._send_out_waiting()
            if not self._finished and not (sent and step.items and self._wanted()):
                return

    def _wanted(self) -> int:
        """How many items may be asked for."""
        if self._limit_reached is None:
            self._limit_reached = self._executor.ledger.exhausted(self._elapsed_s())
        if not self._may_send or self._waiting or self._limit_reached is not None:
            return 0
        return max(0, self._max_concurrent - len(self._in_flight))

    def _send_out_waiting(self) -> bool:
        """Send out what is affordable. False when something is not: it waits for what is in
        flight to settle for less than was reserved; with nothing in flight the search is over."""
        while self._waiting:
            item = self._waiting[0]
            # A rebuilt optimizer hands out again what is in flight already.
            if item.work_id not in self._in_flight:
                if not self._executor.try_reserve(item):
                    if not self._in_flight:
                        self._limit_reached = self._executor.ledger.shortage
                    return False
                self._send_out(item)
            self._waiting.pop(0)
        return True

    def _send_out(self, item: WorkItem) -> None:
        task = asyncio.create_task(self._executor.execute(item))
        task.add_done_callback(lambda _: self._came_home(item.work_id))
        self._in_flight[item.work_id] = task

    def _came_home(self, work_id: WorkId) -> None:
        # Called in the order of the journal's commits, which is the order of the tells: a replay
        # then sees what the search saw.
        self._finished.append(work_id)
        self._changed.set()

    async def _journal(self, decided: list[Decision]) -> None:
        """Commit what was decided and is not in the journal yet, whoever lost the answer to it."""
        if not decided:
            return
        rollouts = int(self._executor.ledger.rollouts.spent)
        self._executor.store.append(
            self._executor.run_id, [Decided(decision, rollouts) for decision in decided]
        )
        self._num_decided += len(decided)
        for decision in decided:
            await self._on_decision(decision)

    async def _drain(self) -> None:
        if self._in_flight:
            await asyncio.wait(self._in_flight.values(), timeout=GRACE_S)
            await self._advance()

    async def _cancel_all(self) -> None:
        for task in self._in_flight.values():
            task.cancel()
        await asyncio.gather(*self._in_flight.values(), return_exceptions=True)
        self._in_flight.clear()

    async def _ask_safely(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask the optimizer; while its process comes back, ask again. Raises PortLost at last."""
        for _ in range(_PATIENCE_WITH_LOST_OPTIMIZER):
            try:
                return await question()
            except PortLost:
                await self._sleep(_WAIT_FOR_OPTIMIZER_S)
        return await question()
