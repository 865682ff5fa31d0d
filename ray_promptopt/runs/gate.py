"""The gate that all work goes out through, and the clock that stands still while it is shut."""

import asyncio
from collections.abc import Callable


class Gate:
    """Open while work may go out; shut while the run is paused."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self._opened.set()

    @property
    def is_open(self) -> bool:
        """Whether work may go out now."""
        return self._opened.is_set()

    def open(self) -> None:
        """Let work out again."""
        self._opened.set()

    def shut(self) -> None:
        """Hold back what has not gone out."""
        self._opened.clear()

    async def passed(self) -> None:
        """Returns as soon as the gate is open."""
        await self._opened.wait()


class Stopwatch:
    """Seconds of work: of this coordinator (`here_s`) and of the whole run (`total_s`)."""

    def __init__(self, clock: Callable[[], float], before_s: float) -> None:
        self._clock = clock
        self._before_s = before_s
        self._idle_s = 0.0
        self._started_at_s = clock()
        self._halted_at_s: float | None = None

    @property
    def here_s(self) -> float:
        """Since this coordinator started, pauses left out."""
        now = self._clock() if self._halted_at_s is None else self._halted_at_s
        return now - self._started_at_s - self._idle_s

    @property
    def total_s(self) -> float:
        """Since the run began, pauses and interruptions left out."""
        return self._before_s + self.here_s

    def halt(self) -> None:
        """Stand still from now on."""
        if self._halted_at_s is None:
            self._halted_at_s = self._clock()

    def go_on(self) -> None:
        """Run again."""
        if self._halted_at_s is not None:
            self._idle_s += self._clock() - self._halted_at_s
            self._halted_at_s = None
