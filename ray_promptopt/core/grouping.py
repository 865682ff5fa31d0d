"""Many small messages as few larger ones: a message between processes costs more than its length.

One group is under way at a time; what comes meanwhile goes with the next, in order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Grouped(Generic[T, R]):
    """`send` carries a group out and gives one answer for each of its items.

    A lone item goes at once; after a group the next waits until `pause_s` have passed since it,
    unless somebody is in a hurry.
    """

    def __init__(
        self, send: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, pause_s: float = 0.0
    ) -> None:
        self._send = send
        self._pause_s = pause_s
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._hurried = asyncio.Event()
        self._sent_at_s = float("-inf")

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is under way."""
        return self._sending is None or self._sending.done()

    @property
    def num_waiting(self) -> int:
        """Items that go with the next group."""
        return len(self._waiting)

    def put(self, item: T) -> "asyncio.Future[R]":
        """Add an item to the next group; the future is its answer, or the error of its group.

        An item whose future is cancelled before its group goes is not sent.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self.idle:
            self._sending = asyncio.create_task(self._send_all())
        return answer

    def hurry(self, answer: "asyncio.Future[R]") -> None:
        """Somebody waits for this answer: where its group has not gone yet, let it go now."""
        if any(answer is waiting for _, waiting in self._waiting):
            self._hurried.set()

    async def drained(self) -> None:
        """Wait until all that was put has been answered."""
        while self._sending is not None and not self._sending.done():
            self._hurried.set()
            await asyncio.wait([self._sending])

    async def _send_all(self) -> None:
        while self._waiting:
            await self._pause()
            group = [(item, answer) for item, answer in self._waiting if not answer.cancelled()]
            self._waiting.clear()
            if group:
                await self._send_group(group)

    async def _pause(self) -> None:
        left_s = self._sent_at_s + self._pause_s - asyncio.get_running_loop().time()
        if left_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._hurried.wait()
        self._hurried.clear()

    async def _send_group(self, group: list[tuple[T, "asyncio.Future[R]"]]) -> None:
        self._sent_at_s = asyncio.get_running_loop().time()
        try:
            answers = await self._send([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - it is for those who wait for the answers
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)
