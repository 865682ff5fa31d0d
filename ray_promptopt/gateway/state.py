"""The gateway's shared state: trial bindings, and the ledger of calls until somebody collects them.

A call is opened before its reply goes out and closed when its exchange is known. The barrier of a
correlation id waits until every call opened under it is closed, so that none is missed. While a
call is open its replica says so again and again: silence means that the replica is dead.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ray_promptopt.core.errors import PromptOptError
from ray_promptopt.core.ids import CorrelationId, RunId, TrialId
from ray_promptopt.core.trace import Exchange, Trace
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.gateway.binding import TrialBinding

_MOST_UNCOLLECTED = 20_000
_LONGEST_BARRIER_S = 150.0
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


class TraceLost(PromptOptError):
    """What was recorded under a correlation id may be incomplete: nothing can be concluded."""


@dataclass
class _Record:
    """Calls in order of arrival; None while open."""

    calls: dict[str, Exchange | None] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    heard_at_s: float = 0.0

    @property
    def open(self) -> bool:
        return any(exchange is None for exchange in self.calls.values())


class GatewayState:
    """One per gateway. Bounded: traces that nobody collects are dropped, the oldest first."""

    def __init__(
        self,
        *,
        longest_barrier_s: float = _LONGEST_BARRIER_S,
        longest_silence_s: float = _LONGEST_SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bindings: dict[str, TrialBinding] = {}
        self._best: dict[str, TrialBinding] = {}
        self._records: OrderedDict[CorrelationId, _Record] = OrderedDict()
        self._longest_barrier_s = longest_barrier_s
        self._longest_silence_s = longest_silence_s
        self._clock = clock
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
            record.heard_at_s = self._clock()
            if isinstance(event, CallOpened):
                record.calls.setdefault(event.call_id, None)
            else:
                record.calls[event.call_id] = event.exchange
                record.changed.set()
        while len(self._records) > _MOST_UNCOLLECTED:
            self._records.popitem(last=False)
            self.dropped += 1

    async def barrier(self, correlation_id: CorrelationId, trial_id: TrialId) -> Trace:
        """The whole trace, once no call is open; it is forgotten here.

        A call whose replica is dead, or that takes too long, is given as a failed exchange.
        Raises TraceLost for a trial not known here: this state is younger than the rollout, and
        calls that were recorded before it are gone.
        """
        if trial_id not in self._bindings:
            self._records.pop(correlation_id, None)
            raise TraceLost("the gateway's state was restarted while the rollout ran")
        record = self._records.get(correlation_id, _Record())
        give_up_at_s = self._clock() + self._longest_barrier_s
        while record.open:
            until_s = min(give_up_at_s, record.heard_at_s + self._longest_silence_s)
            wait_s = until_s - self._clock()
            if wait_s <= 0:
                break
            record.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(record.changed.wait(), wait_s)
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
