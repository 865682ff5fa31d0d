"""Between a model call and the caller's connection: either may end before the other.

The call writes, whole frames at a time; the connection sends them one by one. A caller that goes
away, or that does not read, never stops the call: what it costs must be known.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ray_promptopt.gateway.replies import Headers, Reply

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_MOST_WAITING = 256
_OVERHEAD = b"x-ray-promptopt-overhead-ms"
_STREAM_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


class Outlet:
    """One answer: a whole reply, or the beginning of a stream and its pieces.

    Nothing is sent before `after` has returned; `on_gone` is called when the caller goes too early.
    `headers` go with the answer, whatever it is. `overhead_s` is what the gateway took of the time
    to the first byte: all but `upstream_s`.
    """

    def __init__(self, *, longest_stall_s: float) -> None:
        self._longest_stall_s = longest_stall_s
        self._begun = asyncio.Event()
        self._reply: Reply | None = None
        self._waiting: deque[bytes] = deque()
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._on_its_way = asyncio.Event()
        self.gone = False
        self.arrived_s = time.monotonic()
        self.upstream_s = 0.0
        self.overhead_s = 0.0
        self.after: Callable[[], Awaitable[None]] | None = None
        self.headers: Headers = ()
        self.on_gone: Callable[[], None] = _nobody_minds

    @property
    def streams(self) -> bool:
        """Whether a stream has begun, so that no other answer can be given."""
        return self._begun.is_set() and self._reply is None

    def answer(self, reply: Reply) -> None:
        """The whole answer."""
        self._reply = reply
        self._ended = True
        self._begun.set()

    def begin(self) -> None:
        """A stream follows."""
        self._begun.set()

    async def write(self, piece: bytes) -> None:
        """Queue a piece; waits while the caller reads slowly, and gives it up if it does not."""
        if self.gone:
            return
        self._waiting.append(piece)
        self._something.set()
        if len(self._waiting) < _MOST_WAITING:
            return
        self._room.clear()
        try:
            async with asyncio.timeout(self._longest_stall_s):
                await self._room.wait()
        except TimeoutError:
            self.abandon()

    def end(self) -> None:
        """Nothing follows."""
        self._ended = True
        self._something.set()

    def abandon(self) -> None:
        """The caller has gone: what is written from now on goes nowhere."""
        if self.gone:
            return
        self.gone = True
        self._waiting.clear()
        self._something.set()
        self._room.set()
        self.on_gone()

    async def answered(self) -> None:
        """Wait until the answer is on its way, so that `overhead_s` is known, or nobody waits."""
        await self._on_its_way.wait()

    async def send_to(self, send: Send, receive: Receive) -> None:
        """Pass everything on until it has ended or the caller has gone."""
        try:
            await self._begun.wait()
            if self.after is not None:
                await self.after()
            self.overhead_s = max(0.0, time.monotonic() - self.arrived_s - self.upstream_s)
            self._on_its_way.set()
            if self._reply is not None:
                await _send_whole(send, self._reply, self._extra_headers())
            else:
                await self._send_stream(send, receive)
        except OSError:
            pass
        finally:
            self._on_its_way.set()
            if not self._ended or self._waiting:
                self.abandon()

    async def _send_stream(self, send: Send, receive: Receive) -> None:
        leaving = asyncio.create_task(self._watch(receive))
        try:
            headers = [*_STREAM_HEADERS, *self._extra_headers()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while not self.gone:
                while self._waiting:
                    piece = self._waiting.popleft()
                    self._room.set()
                    message = {"type": "http.response.body", "body": piece, "more_body": True}
                    async with asyncio.timeout(self._longest_stall_s):
                        await send(message)
                if self._ended:
                    break
                self._something.clear()
                await self._something.wait()
            if not self.gone:
                await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()

    def _extra_headers(self) -> Headers:
        return (*self.headers, (_OVERHEAD, f"{self.overhead_s * 1000:.2f}".encode()))

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.abandon()


async def _send_whole(send: Send, reply: Reply, extra: Headers) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
        *extra,
    ]
    await send({"type": "http.response.start", "status": reply.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def _nobody_minds() -> None:
    return
