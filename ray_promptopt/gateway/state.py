"""The gateway's shared state: trial bindings, and the ledger of calls until somebody collects them.

A call is opened before its reply goes out and closed when its exchange is known. The barrier of a
correlation id waits until every call opened under it is closed, so that none is missed.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ray_promptopt.core.ids import CorrelationId, RunId
from ray_promptopt.core.trace import Exchange, Trace
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.gateway.binding import TrialBinding

_MOST_UNCOLLECTED = 20_000
_LONGEST_BARRIER_S = 150.0
"""Longer than any model call may take: a call that is open after it belongs to a dead replica."""


@dataclass(frozen=True, slots=True)
class CallOpened:
    """A call arrived under this correlation id."""

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

    @property
    def open(self) -> bool:
        return any(exchange is None for exchange in self.calls.values())


class GatewayState:
    """One per gateway. Bounded: traces that nobody collects are dropped, the oldest first."""

    def __init__(self, *, longest_barrier_s: float = _LONGEST_BARRIER_S) -> None:
        self._bindings: dict[str, TrialBinding] = {}
        self._best: dict[str, TrialBinding] = {}
        self._records: OrderedDict[CorrelationId, _Record] = OrderedDict()
        self._longest_barrier_s = longest_barrier_s
        self.dropped = 0

    def register(self, binding: TrialBinding) -> None:
        """Make a trial id known; again with the same binding changes nothing."""
        self._bindings[binding.trial_id] = binding

    def serve_best(self, binding: TrialBinding) -> None:
        """The run id itself stands for this binding from now on."""
        self._best[binding.run_id] = binding

    def resolve(self, reference: str) -> TrialBinding | None:
        """The binding of a trial id or of a run id."""
        return self._bindings.get(reference) or self._best.get(reference)

    def revoke_run(self, run_id: str) -> None:
        """The trial ids of a run stop working; its run id goes on serving the best prompt."""
        ours = [key for key, binding in self._bindings.items() if binding.run_id == run_id]
        for key in ours:
            del self._bindings[key]

    def runs(self) -> set[RunId]:
        """The runs that have trial ids."""
        return {binding.run_id for binding in self._bindings.values()}

    def record(self, events: Sequence[TraceEvent]) -> None:
        """Take one group of events in. The same event twice is one event."""
        for event in events:
            record = self._records.setdefault(event.correlation_id, _Record())
            if isinstance(event, CallOpened):
                record.calls.setdefault(event.call_id, None)
            else:
                record.calls[event.call_id] = event.exchange
                record.changed.set()
        while len(self._records) > _MOST_UNCOLLECTED:
            self._records.popitem(last=False)
            self.dropped += 1

    async def barrier(self, correlation_id: CorrelationId) -> Trace:
        """The whole trace, once no call is open; it is forgotten here.

        A call still open after the longest time a call may take is given as a failed exchange.
        """
        record = self._records.get(correlation_id, _Record())
        try:
            async with asyncio.timeout(self._longest_barrier_s):
                while record.open:
                    record.changed.clear()
                    await record.changed.wait()
        except TimeoutError:
            pass
        self._records.pop(correlation_id, None)
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
