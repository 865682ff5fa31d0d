"""Attempts and results between a run and a worker, both sides in one loop."""

import asyncio
from collections.abc import Sequence

import pytest

from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import CorrelationId, TrialId
from ray_promptopt.core.trace import Trace
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.exchange import Attempt, Ended, Exchange, Line
from ray_promptopt.rollouts.result import RolloutResult

TRIAL = TrialId("trial-1")


def example(seed: int) -> Example:
    return Example(Part.TRAIN, seed)


def scored(seed: int) -> RolloutResult:
    return RolloutResult(Trace(CorrelationId("trace_1"), ()), 0.0, score=float(seed))


class Worker:
    """The far side: rollouts end when they are let; it can die with all it holds."""

    def __init__(self) -> None:
        self.may_end: dict[int, asyncio.Event] = {}
        self.messages: list[list[int]] = []
        self.begun = asyncio.Event()
        self._exchange = Exchange(self._run)
        self._dead = asyncio.Event()

    def let_end(self, *seeds: int) -> None:
        for seed in seeds:
            self.may_end[seed].set()

    def die(self) -> None:
        self._dead.set()

    def restart(self) -> None:
        self._dead = asyncio.Event()
        self._exchange = Exchange(self._run)

    async def exchange(self, attempts: Sequence[Attempt]) -> list[Ended]:
        self.messages.append([attempt.example.seed for attempt in attempts])
        dead = asyncio.create_task(self._dead.wait())
        answer = asyncio.create_task(self._exchange(attempts))
        await asyncio.wait([dead, answer], return_when=asyncio.FIRST_COMPLETED)
        dead.cancel()
        if self._dead.is_set():
            answer.cancel()
            raise ConnectionError("the worker died")
        return answer.result()

    async def _run(
        self, example: Example, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        self.may_end[example.seed] = asyncio.Event()
        self.begun.set()
        await self.may_end[example.seed].wait()
        return scored(example.seed)

    async def has_begun(self, *seeds: int) -> None:
        while not set(seeds) <= set(self.may_end):
            self.begun.clear()
            await self.begun.wait()


def start(line: Line, *seeds: int) -> list["asyncio.Task[RolloutResult]"]:
    return [asyncio.create_task(line.run(example(seed), TRIAL, None)) for seed in seeds]


async def test_attempts_of_one_breath_go_in_one_message_and_end_in_any_order() -> None:
    worker = Worker()
    line = Line(worker.exchange, pause_s=0.0)
    first, second, third = start(line, 1, 2, 3)
    await worker.has_begun(1, 2, 3)
    assert worker.messages[0] == [1, 2, 3]
    worker.let_end(2)
    assert await second == scored(2)
    assert line.in_flight == 2
    worker.let_end(1, 3)
    assert [await first, await third] == [scored(1), scored(3)]
    assert line.in_flight == 0


async def test_an_attempt_that_comes_later_does_not_wait_for_the_answer_to_the_earlier() -> None:
    worker = Worker()
    line = Line(worker.exchange, pause_s=0.0)
    (early,) = start(line, 1)
    await worker.has_begun(1)
    (late,) = start(line, 2)
    await worker.has_begun(2)
    worker.let_end(2)
    assert await late == scored(2)
    worker.let_end(1)
    assert await early == scored(1)


async def test_a_lost_worker_costs_the_attempts_that_it_held_and_no_later_one() -> None:
    worker = Worker()
    line = Line(worker.exchange, pause_s=0.0)
    held = start(line, 1, 2)
    await worker.has_begun(1, 2)
    worker.die()
    for attempt in held:
        with pytest.raises(ConnectionError):
            await attempt
    assert line.in_flight == 0
    worker.restart()
    (again,) = start(line, 3)
    await worker.has_begun(3)
    worker.let_end(3)
    assert await again == scored(3)


async def test_a_result_that_nobody_waits_for_any_more_is_dropped() -> None:
    worker = Worker()
    line = Line(worker.exchange, pause_s=0.0)
    given_up, kept = start(line, 1, 2)
    await worker.has_begun(1, 2)
    given_up.cancel()
    worker.let_end(1, 2)
    assert await kept == scored(2)
    assert line.in_flight == 0


async def test_an_exchange_is_answered_when_the_next_one_comes_and_results_wait_for_it() -> None:
    worker = Worker()
    exchange = Exchange(worker._run)
    first = asyncio.create_task(exchange([Attempt(7, example(1), TRIAL, None)]))
    await worker.has_begun(1)
    second = asyncio.create_task(exchange([]))
    assert await first == []
    worker.let_end(1)
    assert await second == [Ended(7, scored(1))]
