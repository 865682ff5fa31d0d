"""The ledger of model calls, kept by who waits for them: a rollout worker, for its own rollouts.

A call is opened before its reply goes out and closed when its exchange is known. The barrier of a
correlation id waits until every call opened under it is closed, so that none is missed. While a
call is open its replica says so again and again: silence means that the replica is dead.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ray_promptopt.core.ids import CorrelationId, new_correlation_id
from ray_promptopt.core.trace import Exchange, Trace
from ray_promptopt.core.usage import NO_SPEND

LONGEST_BARRIER_S = 150.0
"""Longer than any model call may take."""
_LONGEST_SILENCE_S = 10.0
"""A call of which nothing was heard for so long belongs to a dead replica."""


@dataclass(frozen=True, slots=True)
class CallOpened:
    """A call arrived under this correlation id, or is still open."""

    correlation_id: CorrelationId
    call_id: str


@dataclass(frozen=True, slots=True)
class CallClosed:
    """The call ended, well or badly."""

    correlation_id: CorrelationId
    call_id: str
    exchange: Exchange


TraceEvent = CallOpened | CallClosed


@dataclass
class _Record:
    """Calls in order of arrival; None while open."""

    calls: dict[str, Exchange | None] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    heard_at_s: float = 0.0

    @property
    def open(self) -> bool:
        return any(exchange is None for exchange in self.calls.values())


class TraceLedger:
    """A `TracePort`. Its correlation ids name its `home`, where replicas send what they record.

    Bounded by the rollouts under way: what comes under an id that nobody waits for is dropped.
    """

    def __init__(
        self,
        home: str = "",
        *,
        longest_barrier_s: float = LONGEST_BARRIER_S,
        longest_silence_s: float = _LONGEST_SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._home = home
        self._records: dict[CorrelationId, _Record] = {}
        self._longest_barrier_s = longest_barrier_s
        self._longest_silence_s = longest_silence_s
        self._clock = clock

    @property
    def num_expected(self) -> int:
        """Rollouts whose calls are being kept."""
        return len(self._records)

    def expect(self) -> CorrelationId:
        """A fresh id; from now on calls under it are kept, until its barrier."""
        correlation_id = new_correlation_id(self._home)
        self._records[correlation_id] = _Record()
        return correlation_id

    def record(self, events: Sequence[TraceEvent]) -> None:
        """Take one group of events in. The same event twice is one event."""
        for event in events:
            record = self._records.get(event.correlation_id)
            if record is None:
                continue
            record.heard_at_s = self._clock()
            if isinstance(event, CallOpened):
                record.calls.setdefault(event.call_id, None)
            else:
                record.calls[event.call_id] = event.exchange
                record.changed.set()

    async def barrier(self, correlation_id: CorrelationId) -> Trace:
        """The whole trace, once no call is open; it is forgotten here.

        A call whose replica is dead, or that takes too long, is given as a failed exchange.
        """
        record = self._records[correlation_id]
        give_up_at_s = self._clock() + self._longest_barrier_s
        try:
            while record.open:
                until_s = min(give_up_at_s, record.heard_at_s + self._longest_silence_s)
                wait_s = until_s - self._clock()
                if wait_s <= 0:
                    break
                record.changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(record.changed.wait(), wait_s)
        finally:
            del self._records[correlation_id]
        return Trace(correlation_id, tuple(exchange or _LOST for exchange in record.calls.values()))


_LOST = Exchange(
    messages=(),
    reply="",
    model="",
    spend=NO_SPEND,
    latency_s=0.0,
    status_code=0,
    failure="the gateway replica that held this call was lost",
    failure_code="gateway_lost",
)
