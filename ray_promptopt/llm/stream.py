"""A reply that comes as a stream: its frames as they arrive, and the bill when it has ended.

However it ends (whole, cut off, stalled, left by its caller), `reply` says what came and its cost.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, NamedTuple

import aiohttp

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.llm.call import Call, UpstreamReply
from ray_promptopt.llm.sse import Frame, FrameTooLarge, SseParser, data_frame

DONE = "[DONE]"
_LARGEST_STREAM_BYTES = 64 * 1024 * 1024
_LONGEST_FAREWELL_S = 1.0
"""Between a stream's last word and the end of its response, which frees the connection."""


class Event(NamedTuple):
    """A frame and what it holds: None for a comment and for the end mark."""

    frame: Frame
    value: dict[str, Any] | None


class StreamLimits(NamedTuple):
    """The longest silence between two pieces of a stream, and its longest life."""

    silence_s: float = 60.0
    whole_s: float = 600.0


class UpstreamStream:
    """An open response. Iterate `events` to its end or to an UpstreamError, then `aclose`."""

    def __init__(
        self, call: Call, response: aiohttp.ClientResponse, limits: StreamLimits, started_s: float
    ) -> None:
        self._call = call
        self._response = response
        self._limits = limits
        self._started_s = started_s
        self._leave_at_s = started_s + limits.whole_s
        self._reading: asyncio.Timeout | None = None
        self._parser = SseParser()
        self._assembler = call.wire.assembler()
        self._early: list[Event] = []
        self._num_bytes = 0
        self._done = self._ended = False
        self._failure: UpstreamError | None = None
        self.attempts = 1
        self.on_close: Callable[[], None] = lambda: None

    @property
    def reply(self) -> UpstreamReply:
        """What has come so far, and what it costs."""
        latency_s = time.monotonic() - self._started_s
        body = self._assembler.body()
        return self._call.reply(body, latency_s=latency_s, attempts=self.attempts)

    def leave_within(self, seconds: float) -> None:
        """Nobody listens any more: read on for so long, so that the bill is known."""
        self._leave_at_s = min(self._leave_at_s, time.monotonic() + seconds)
        if self._reading is not None:
            self._reading.reschedule(self._deadline_s())

    async def open(self) -> None:
        """Wait for the first event: an error that stands there is one before the first byte."""
        while not any(event.value for event in self._early):
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise self._broken("ended its stream without a word", "malformed_reply")
            self._early += await self._more()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Every event, in order. Raises UpstreamError when the stream does not end well."""
        events = self._early
        while True:
            for event in events:
                yield event
            if self._failure is not None:
                raise self._failure
            if self._ended:
                break
            events = await self._more()
        if not self._done and not self._assembler.finished:
            raise self._broken("ended its stream in the middle of the answer", "incomplete_stream")

    async def aclose(self) -> None:
        """Give the connection back if the response is over, else close it. Call it once."""
        try:
            if self._ended:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with asyncio.timeout(_LONGEST_FAREWELL_S):
                        while await self._response.content.readany():
                            pass
        finally:
            # Releasing a response that is not over closes its connection.
            self._response.release()
            self.on_close()

    async def _more(self) -> list[Event]:
        """What the next bytes complete; trouble among them is kept until that has been given."""
        events: list[Event] = []
        try:
            chunk = await self._read()
            for frame in self._frames(chunk) if chunk else self._last():
                events.append(self._taken(frame))
                if self._done:
                    break
        except UpstreamError as error:
            self._failure = error
        return events

    def _frames(self, chunk: bytes) -> list[Frame]:
        self._num_bytes += len(chunk)
        if self._num_bytes > _LARGEST_STREAM_BYTES:
            raise self._broken(f"sent more than {_LARGEST_STREAM_BYTES} bytes", "malformed_reply")
        try:
            return self._parser.feed(chunk)
        except FrameTooLarge as error:
            raise self._broken(f"sent {error}", "malformed_reply") from error

    def _last(self) -> list[Frame]:
        """At the end of the response. Some servers leave the blank line after the end mark out."""
        self._ended = True
        rest = self._parser.rest()
        return [rest._replace(raw=data_frame(DONE))] if rest and rest.data == DONE else []

    def _taken(self, frame: Frame) -> Event:
        if frame.data is None:
            return Event(frame, None)
        if frame.data == DONE:
            self._done = self._ended = True
            return Event(frame, None)
        try:
            value = json.loads(frame.data)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise self._broken("sent an event that is no JSON object", "malformed_reply")
        error = self._call.wire.error_in(value)
        if error is not None:
            raise self._call.provider.classify_event(error, self._call.model)
        self._assembler.add(value)
        return Event(frame, value)

    async def _read(self) -> bytes:
        """The next bytes; empty at the end of the response."""
        try:
            async with asyncio.timeout_at(self._deadline_s()) as self._reading:
                try:
                    return await self._response.content.readany()
                finally:
                    self._reading = None
        except TimeoutError as error:
            raise self._broken("fell silent in the middle of its answer", "timeout", 504) from error
        except (aiohttp.ClientError, OSError) as error:
            words = f"broke off in the middle of its answer ({type(error).__name__})"
            raise self._broken(words, "connection_error") from error

    def _deadline_s(self) -> float:
        """In the loop's time, which `asyncio.timeout_at` takes."""
        left_s = min(self._limits.silence_s, self._leave_at_s - time.monotonic())
        return asyncio.get_running_loop().time() + left_s

    def _broken(self, words: str, code: str, status_code: int = 502) -> UpstreamError:
        return UpstreamError(
            f"{self._call.name} {words}", status_code=status_code, code=code, retryable=True
        )
