"""Rollouts as a gateway sees them, at a steady pace: calls under one correlation id, then the
trace is collected. Callers that hang up and servers that break off are part of it."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.serving.connection import Connection, request
from benchmarks.serving.on_ray import GatewayOnRay
from benchmarks.serving.plain import MESSAGES
from benchmarks.serving.upstream import COMPLETION_TOKENS, NUM_FRAMES, PROMPT_TOKENS
from ray_promptopt.core.ids import CorrelationId, TrialId
from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.usage import UsageSource

_CALLS_PER_ROLLOUT = 3
_HANG_UP_ONE_IN = 10
"""Of the streams."""


@dataclass
class Steady:
    """What has been asked and what the ledger says of it. `trial` is whose turn it is."""

    gateway: GatewayOnRay
    trial: Callable[[], TrialId]
    ledger: Counter[str] = field(default_factory=Counter)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    number: "itertools.count[int]" = field(default_factory=itertools.count)

    async def run(self, rollouts_per_s: float, seconds: float) -> None:
        """Begin rollouts by the clock, whatever became of those before; wait for all of them."""
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        for turn in range(int(rollouts_per_s * seconds)):
            await asyncio.sleep(begin_s + turn / rollouts_per_s - loop.time())
            task = asyncio.create_task(self._rollout())
            self.under_way.add(task)
            task.add_done_callback(self._finished)
        while self.under_way:
            await asyncio.wait(self.under_way)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.under_way.discard(task)
        if task.exception() is not None:
            self.ledger["rollouts that failed"] += 1

    async def _rollout(self) -> None:
        trial_id, cid = self.trial(), await self.gateway.expect()
        for _ in range(_CALLS_PER_ROLLOUT):
            await self._call(trial_id, cid)
        trace = await self.gateway.barrier(cid)
        if len(trace.exchanges) != _CALLS_PER_ROLLOUT:
            self.ledger["traces with a call missing"] += 1
        for exchange in trace.exchanges:
            self._take(exchange)

    async def _call(self, trial_id: TrialId, cid: CorrelationId) -> None:
        """A connection of its own: the server may have closed a kept one."""
        number = next(self.number)
        streams = number % 2 == 1
        url = f"{self.gateway.url}/v1/{trial_id}/chat/completions?cid={cid}"
        body = {"model": "m", "messages": MESSAGES, "stream": streams}
        leaves = streams and number // 2 % _HANG_UP_ONE_IN == 0
        connection = await Connection.to(url)
        try:
            answer = await connection.ask(
                request(url, body), leave_after=NUM_FRAMES // 3 if leaves else None
            )
        finally:
            connection.close()
        self.ledger["callers that hung up"] += leaves
        self.ledger[f"answers {answer.status}"] += 1

    def _take(self, exchange: Exchange) -> None:
        self.ledger["calls"] += 1
        if exchange.failure is not None:
            self.ledger[f"failed: {exchange.failure_code}"] += 1
            return
        usage = exchange.spend.usage
        billed = (usage.prompt_tokens, usage.completion_tokens, usage.source)
        exact = billed == (PROMPT_TOKENS, COMPLETION_TOKENS, UsageSource.PROVIDER)
        self.ledger["answered" if exact else "billed wrongly"] += 1
