"""Group commit of trace events: at most one call to the state in flight per replica.

What arrives meanwhile goes with the next group. A group that fails is sent again, in order.
Of a call that stays open the state is reminded: so it can tell a long call from a dead replica.
"""

import asyncio
import contextlib

from ray_promptopt.gateway.ports import StatePort
from ray_promptopt.gateway.state import CallOpened, TraceEvent

_RETRY_S = 0.2
_REMIND_EVERY_S = 2.5


class TraceRecorder:
    """Batches events; `record` returns a future that is done when the state has the event."""

    def __init__(self, state: StatePort, *, remind_every_s: float = _REMIND_EVERY_S) -> None:
        self._state = state
        self._remind_every_s = remind_every_s
        self._open: dict[str, CallOpened] = {}
        self._reminding: asyncio.Task[None] | None = None
        self._waiting: list[tuple[TraceEvent, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    @property
    def num_waiting(self) -> int:
        """Events that go with the next group."""
        return len(self._waiting)

    def record(self, event: TraceEvent) -> "asyncio.Future[None]":
        """Queue an event. Never blocks; never raises."""
        if isinstance(event, CallOpened):
            self._open[event.call_id] = event
            if self._reminding is None or self._reminding.done():
                self._reminding = asyncio.create_task(self._remind())
        else:
            self._open.pop(event.call_id, None)
        return self._queue(event)

    def _queue(self, event: TraceEvent) -> "asyncio.Future[None]":
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, acknowledged))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return acknowledged

    async def drain(self) -> None:
        """Wait until everything queued has arrived; nothing is reminded of any more."""
        if self._reminding is not None:
            self._reminding.cancel()
        while self._flushing is not None and not self._flushing.done():
            await self._flushing

    async def _remind(self) -> None:
        while self._open:
            await asyncio.sleep(self._remind_every_s)
            for event in self._open.values():
                self._queue(event)

    async def _flush(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            events = [event for event, _ in group]
            await self._send(events)
            for _, acknowledged in group:
                if not acknowledged.done():
                    acknowledged.set_result(None)

    async def _send(self, events: list[TraceEvent]) -> None:
        while True:
            # Whatever the state's trouble is (lost, restarting): events must not be lost with it.
            with contextlib.suppress(Exception):
                await self._state.record(events)
                return
            await asyncio.sleep(_RETRY_S)
