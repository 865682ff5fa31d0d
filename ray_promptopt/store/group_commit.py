"""Group commit: what is recorded at the same time goes into the journal in one transaction.

A commit waits for the disk; ten outcomes that came home together wait for it once.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from ray_promptopt.core.grouping import Grouped
from ray_promptopt.core.ids import RunId, WorkId
from ray_promptopt.core.trace import Trace
from ray_promptopt.store.events import Event
from ray_promptopt.store.journal import RunStore


class _Entry(NamedTuple):
    event: Event
    trace: tuple[WorkId, Trace] | None


class GroupCommit:
    """The journal of one run. Whoever commits first is in the journal first, and is told first."""

    def __init__(self, store: RunStore, run_id: RunId) -> None:
        self._store = store
        self._run_id = run_id
        self._entries: Grouped[_Entry, None] = Grouped(self._commit)

    async def commit(self, event: Event, trace: tuple[WorkId, Trace] | None = None) -> None:
        """Returns when the event is durable. Raises JournalError when its group is refused.

        Whoever is cancelled meanwhile: what came home is recorded, or what it cost would be lost.
        """
        await asyncio.shield(self._entries.put(_Entry(event, trace)))

    async def _commit(self, entries: Sequence[_Entry]) -> list[None]:
        traces = [entry.trace for entry in entries if entry.trace is not None]
        self._store.append(self._run_id, [entry.event for entry in entries], traces)
        return [None] * len(entries)
