"""Trace events on their way to the ledgers of the workers that wait for them, in groups.

A group that fails is sent again, in order. Of a call that stays open its ledger is reminded: so it
can tell a long call from a dead replica.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial

from ray_promptopt.core.grouping import Grouped
from ray_promptopt.core.ids import home_of
from ray_promptopt.gateway.ports import StatePort
from ray_promptopt.gateway.traces import CallOpened, TraceEvent

_RETRY_S = 0.2
_REMIND_EVERY_S = 2.5
_PAUSE_S = 0.02
"""Between two groups to one ledger: a model call takes longer, so nobody waits for it."""
_MOST_IDLE_HOMES = 64


class TraceRecorder:
    """Groups events by their home; `record` gives a future that is done when they are there."""

    def __init__(
        self,
        state: StatePort,
        *,
        remind_every_s: float = _REMIND_EVERY_S,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._state = state
        self._pause_s = pause_s
        self._remind_every_s = remind_every_s
        self._open: dict[str, CallOpened] = {}
        self._reminding: asyncio.Task[None] | None = None
        self._homes: dict[str, Grouped[TraceEvent, None]] = {}

    @property
    def num_waiting(self) -> int:
        """Events that go with the next groups."""
        return sum(home.num_waiting for home in self._homes.values())

    def record(self, event: TraceEvent) -> "asyncio.Future[None]":
        """Queue an event. Never blocks; never raises."""
        if isinstance(event, CallOpened):
            self._open[event.call_id] = event
            if self._reminding is None or self._reminding.done():
                self._reminding = asyncio.create_task(self._remind())
        else:
            self._open.pop(event.call_id, None)
        return self._home(event).put(event)

    async def arrived(self, opened: CallOpened, acknowledged: "asyncio.Future[None]") -> None:
        """Wait until a call is known to have been opened: a reply that is ready is in a hurry."""
        if not acknowledged.done():
            self._home(opened).hurry(acknowledged)
            await asyncio.shield(acknowledged)

    async def drain(self) -> None:
        """Wait until everything queued has arrived; nothing is reminded of any more."""
        if self._reminding is not None:
            self._reminding.cancel()
        for home in list(self._homes.values()):
            await home.drained()

    def _home(self, event: TraceEvent) -> Grouped[TraceEvent, None]:
        home = home_of(event.correlation_id)
        if home not in self._homes:
            if len(self._homes) > _MOST_IDLE_HOMES:
                self._homes = {key: kept for key, kept in self._homes.items() if not kept.idle}
            self._homes[home] = Grouped(partial(self._send, home), pause_s=self._pause_s)
        return self._homes[home]

    async def _remind(self) -> None:
        while self._open:
            await asyncio.sleep(self._remind_every_s)
            for event in self._open.values():
                self._home(event).put(event)

    async def _send(self, home: str, events: Sequence[TraceEvent]) -> list[None]:
        while True:
            # Whatever the ledger's trouble is (restarting): events must not be lost with it.
            with contextlib.suppress(Exception):
                await self._state.record(home, events)
                return [None] * len(events)
            await asyncio.sleep(_RETRY_S)
