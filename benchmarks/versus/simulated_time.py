"""An event loop whose clock jumps: what waits for a timer costs no time, what is computed neither.

So latencies, and nothing of a busy machine, decide how long a run takes, and in which order
answers come; a run is the same each time.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Its `time()` begins at 0 and moves on to the next timer when nothing else is left to do.

    A thread may use the loop as long as it waits for the loop's answer while timers are set.
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(_JumpingSelector(self._advance))

    def time(self) -> float:
        """Simulated seconds."""
        return self._now_s

    def _advance(self, by_s: float) -> None:
        self._now_s += by_s


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Without a timer wait for a thread; with one see who is ready, else jump to it."""
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            self._advance(timeout)
        return ready


def run_simulated(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in simulated time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)
