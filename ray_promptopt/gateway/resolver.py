"""From a trial id to its binding: a local cache, and one question to the state per miss.

A trial's binding never changes, so it is kept until it is pushed out. A run id's does, whenever
a better prompt is found, so it is kept for a second.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.ports import StatePort

_MOST_CACHED = 4096
_BEST_KEPT_S = 1.0
_TRIAL_KEPT_S = 10.0
"""A revoked trial id stops working at a replica after this long at the latest."""


class TrialResolver:
    """Owned by one replica."""

    def __init__(self, state: StatePort, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._clock = clock
        self._cache: OrderedDict[str, tuple[float, TrialBinding]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[TrialBinding | None]] = {}

    async def resolve(self, reference: str) -> TrialBinding | None:
        """None for an id that the state does not know (any more)."""
        kept = self._cache.get(reference)
        if kept is not None and kept[0] > self._clock():
            self._cache.move_to_end(reference)
            return kept[1]
        asking = self._asking.get(reference)
        if asking is None:
            asking = asyncio.create_task(self._ask(reference))
            self._asking[reference] = asking
            asking.add_done_callback(lambda _: self._asking.pop(reference, None))
        return await asyncio.shield(asking)

    async def _ask(self, reference: str) -> TrialBinding | None:
        binding = await self._state.resolve(reference)
        if binding is not None:
            kept_s = _TRIAL_KEPT_S if binding.trial_id == reference else _BEST_KEPT_S
            self._cache[reference] = (self._clock() + kept_s, binding)
            self._cache.move_to_end(reference)
            if len(self._cache) > _MOST_CACHED:
                self._cache.popitem(last=False)
        return binding
