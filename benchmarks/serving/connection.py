"""One connection of a load, as light as Python has it: the load shares its cores with the loaded.

A call is bytes made beforehand; of the answer only its status, its times and its pieces are read.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httptools


class Answered(NamedTuple):
    """`num_pieces` are the chunks of a streamed answer, as they were sent."""

    status: int
    first_byte_s: float
    took_s: float
    num_pieces: int


class Connection(asyncio.Protocol):
    """Keeps alive between calls; one call at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answered] | None = None
        self._leave_after: int | None = None
        self._asked_s = self._first_s = 0.0
        self._num_pieces = 0

    @classmethod
    async def to(cls, url: str) -> "Connection":
        """An open connection."""
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, parts.hostname, parts.port)
        return connection

    async def ask(self, request: bytes, *, leave_after: int | None = None) -> Answered:
        """The answer. With `leave_after` it hangs up at that piece of it, and can not be used
        again. Raises ConnectionError when the other side hangs up."""
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._answer = asyncio.get_running_loop().create_future()
        self._leave_after = leave_after
        self._first_s, self._num_pieces = 0.0, 0
        self._asked_s = time.perf_counter()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """For good."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server hung up"))

    def on_chunk_header(self) -> None:
        """Called by the parser: for every chunk, the empty last one too."""
        self._num_pieces += 1

    def on_body(self, _: bytes) -> None:
        """Called by the parser."""
        self._first_s = self._first_s or time.perf_counter()
        if self._leave_after is not None and self._num_pieces >= self._leave_after:
            self.close()
            self.on_message_complete()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._answer is None or self._answer.done():
            return
        now_s = time.perf_counter()
        first_s = (self._first_s or now_s) - self._asked_s
        status = self._parser.get_status_code()
        pieces = max(0, self._num_pieces - 1)
        self._answer.set_result(Answered(status, first_s, now_s - self._asked_s, pieces))


def request(url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> bytes:
    """A whole POST."""
    parts = urlsplit(url)
    raw = json.dumps(body).encode()
    lines = [
        f"POST {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(raw)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw
