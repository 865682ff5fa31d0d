"""How many calls to one model are made at once: more while it answers, fewer when it says 429.

Additive increase, multiplicative decrease, per upstream and model. A call that has to wait, waits
in line, within its own deadline.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ray_promptopt.core.errors import UpstreamError


@dataclass(frozen=True, slots=True)
class PacePolicy:
    """Where the limit begins, and between what it moves."""

    first: int = 256
    fewest: int = 1
    most: int = 1024
    decrease: float = 0.7


class Pace:
    """The limit of one model. Pure. `round` counts the decreases."""

    def __init__(self, policy: PacePolicy) -> None:
        self._policy = policy
        self.limit = float(policy.first)
        self.in_flight = 0
        self.round = 0

    @property
    def may_start(self) -> bool:
        """Whether there is room for one more call."""
        return self.in_flight < int(self.limit)

    def answered(self) -> None:
        """One more call at once after each round of calls that were all answered."""
        self.limit = min(self._policy.most, self.limit + 1.0 / self.limit)

    def refused(self, round_: int) -> None:
        """Fewer than there are: what was promised beyond that has shown nothing.

        Calls that set out in one round are refused together: that is one refusal.
        """
        if round_ < self.round:
            return
        self.round += 1
        held = min(self.limit, float(self.in_flight))
        self.limit = max(self._policy.fewest, held * self._policy.decrease)


class Slot:
    """The right to one attempt; give it back once."""

    def __init__(self, leave: Callable[[bool | None, int], None], round_: int) -> None:
        self._leave = leave
        self._round = round_

    def leave(self, answered: bool | None) -> None:
        """True for an answer, False for a 429, None for what says nothing of the pace."""
        self._leave(answered, self._round)


class Line:
    """The calls of one model: those under way, and those that wait, first come first served."""

    def __init__(self, name: str, policy: PacePolicy) -> None:
        self.name = name
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.pace = Pace(policy)

    @property
    def num_waiting(self) -> int:
        """Calls in line."""
        return len(self._waiting)

    async def enter(self, longest_s: float) -> Slot:
        """A slot. Raises UpstreamError when none comes free in time."""
        if not self.pace.may_start or self._waiting:
            await self._wait(longest_s)
        else:
            self.pace.in_flight += 1
        return Slot(self._leave, self.pace.round)

    async def _wait(self, longest_s: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(longest_s):
                await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(None, self.pace.round)
            raise
        except TimeoutError as error:
            raise UpstreamError(
                f"{self.name} takes {int(self.pace.limit)} calls at once, and none came free "
                f"within {longest_s:.1f} s: send fewer at once",
                status_code=429,
                code="upstream_busy",
            ) from error
        finally:
            if turn.cancelled() or not turn.done():
                with suppress(ValueError):
                    self._waiting.remove(turn)

    def _leave(self, answered: bool | None, round_: int) -> None:
        if answered is False:
            self.pace.refused(round_)
        elif answered:
            self.pace.answered()
        self.pace.in_flight -= 1
        while self._waiting and self.pace.may_start:
            turn = self._waiting.popleft()
            if not turn.done():
                self.pace.in_flight += 1
                turn.set_result(None)
