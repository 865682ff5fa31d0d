"""Attempts and results between a run and one of its workers, many in one message.

The run hands attempts over and waits for results in the same breath: an exchange is answered as
soon as an attempt has ended, or when the next exchange comes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from ray_promptopt.core.examples import Example
from ray_promptopt.core.ids import TrialId
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.result import RolloutResult


class Attempt(NamedTuple):
    """One attempt to be made; its number is the run's own and never used twice."""

    number: int
    example: Example
    trial_id: TrialId
    baseline: LearnedBaseline | None


class Ended(NamedTuple):
    """What came of the attempt with this number."""

    number: int
    result: RolloutResult


RunAttempt = Callable[[Example, TrialId, LearnedBaseline | None], Awaitable[RolloutResult]]


class Exchange:
    """The worker's side: attempts under way, and results that have not been fetched yet."""

    def __init__(self, run: RunAttempt) -> None:
        self._run = run
        self._under_way: set[asyncio.Task[None]] = set()
        self._ended: list[Ended] = []
        self._answering = asyncio.Event()

    async def __call__(self, attempts: Sequence[Attempt]) -> list[Ended]:
        """Begin these attempts, and give what has ended: at least one, if no other call comes."""
        self._answering.set()
        self._answering = answering = asyncio.Event()
        for attempt in attempts:
            task = asyncio.create_task(self._make(attempt))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        if not self._ended:
            await answering.wait()
        ended, self._ended = self._ended, []
        return ended

    async def _make(self, attempt: Attempt) -> None:
        result = await self._run(attempt.example, attempt.trial_id, attempt.baseline)
        self._ended.append(Ended(attempt.number, result))
        self._answering.set()


class Line:
    """The run's side: attempts wait here for the next exchange with one worker.

    A lone attempt goes at once. After an exchange was answered or begun the next begins `pause_s`
    later, with all attempts that came meanwhile.
    """

    def __init__(
        self,
        exchange: Callable[[Sequence[Attempt]], Awaitable[list[Ended]]],
        *,
        pause_s: float,
    ) -> None:
        self._exchange = exchange
        self._pause_s = pause_s
        self._waiting: list[Attempt] = []
        self._results: dict[int, asyncio.Future[RolloutResult]] = {}
        self._changed = asyncio.Event()
        self._talking: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self._next_number = 0

    @property
    def in_flight(self) -> int:
        """Attempts handed over whose results have not come."""
        return len(self._results)

    async def run(
        self, example: Example, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        """One attempt. Raises what its exchange raised: the worker is lost with all it held."""
        number, self._next_number = self._next_number, self._next_number + 1
        self._waiting.append(Attempt(number, example, trial_id, baseline))
        result: asyncio.Future[RolloutResult] = asyncio.get_running_loop().create_future()
        self._results[number] = result
        self._changed.set()
        if self._talking is None or self._talking.done():
            self._talking = asyncio.create_task(self._talk())
        try:
            return await result
        finally:
            self._results.pop(number, None)

    async def _talk(self) -> None:
        while self._results:
            attempts = [attempt for attempt in self._waiting if attempt.number in self._results]
            self._waiting.clear()
            self._changed.clear()
            answer = asyncio.create_task(self._answered(attempts, self._next_number))
            self._answers.add(answer)
            answer.add_done_callback(self._answers.discard)
            await self._changed.wait()
            await asyncio.sleep(self._pause_s)

    async def _answered(self, attempts: Sequence[Attempt], below: int) -> None:
        """Deliver what an exchange brings. Its failure is that of all attempts made `below` it."""
        try:
            for number, result in await self._exchange(attempts):
                waiting = self._results.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(result)
        except Exception as error:  # noqa: BLE001 - it is for those who wait for the results
            for number, waiting in self._results.items():
                if number < below and not waiting.done():
                    waiting.set_exception(error)
        self._changed.set()
