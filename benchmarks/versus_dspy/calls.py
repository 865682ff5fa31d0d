"""The only way from the package to the models: a call at a time, each counted, its latency noted.

The package's steps follow upon each other, but for evaluations, which go out side by side. So the
clock adds up single calls, and schedules those of an evaluation on as many lanes as may be used.
"""

import heapq
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ray_promptopt.llm.embedded import EmbeddedSettings, complete
from ray_promptopt.llm.embedded.faults import draw_fate


class Clock:
    """Simulated seconds; computing takes none."""

    def __init__(self, lanes: int) -> None:
        self.now_s = 0.0
        self.busy_s = 0.0
        """Sum over all calls of the seconds they were in flight."""
        self._lanes = lanes
        self._side_by_side: list[float] | None = None

    def begin_side_by_side(self) -> None:
        """From here on calls wait for a free lane only."""
        self._side_by_side = []

    def end_side_by_side(self) -> None:
        """All calls since have come home."""
        self.now_s += _makespan(self._side_by_side or [], self._lanes)
        self._side_by_side = None

    def spend(self, seconds: float) -> None:
        """A call took so long."""
        self.busy_s += seconds
        if self._side_by_side is None:
            self.now_s += seconds
        else:
            self._side_by_side.append(seconds)


def _makespan(calls_s: Sequence[float], lanes: int) -> float:
    """When the last call ends, if each begins in its turn as soon as a lane is free."""
    free_at = [0.0] * lanes
    for call_s in calls_s:
        heapq.heappush(free_at, heapq.heappop(free_at) + call_s)
    return max(free_at)


class Calls:
    """The models behind a cache, as the package has one: an answer that is known costs nothing."""

    def __init__(self, settings: EmbeddedSettings, clock: Clock) -> None:
        self.counts: dict[str, int] = {}
        """Calls by model, without those that the cache answered."""
        self.clock = clock
        self._settings = settings
        self._known: dict[str, dict[str, Any]] = {}

    @property
    def total(self) -> int:
        """Calls of all models."""
        return sum(self.counts.values())

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The assistant's message."""
        key = json.dumps(body, sort_keys=True)
        if key not in self._known:
            fate = draw_fate(self._settings, body["model"], self.total)
            self.clock.spend(fate.delay_s)
            self.counts[body["model"]] = self.counts.get(body["model"], 0) + 1
            self._known[key] = complete(body)["choices"][0]["message"]
        return self._known[key]
