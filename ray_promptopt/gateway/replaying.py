"""Streams and the cache: one that is kept as it passes, and one that was kept, given again."""

import json
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from ray_promptopt.llm.call import Call, UpstreamReply
from ray_promptopt.llm.sse import SseParser
from ray_promptopt.llm.stream import DONE, Event


class AnswerStream(Protocol):
    """See `UpstreamStream`."""

    @property
    def reply(self) -> UpstreamReply: ...

    def leave_within(self, seconds: float) -> None: ...

    def events(self) -> AsyncGenerator[Event, None]: ...

    async def aclose(self) -> None: ...


class KeptStream:
    """Passes a stream on, and gives its bytes to `keep` when it has ended well."""

    def __init__(self, stream: AnswerStream, keep: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._keep = keep

    @property
    def reply(self) -> UpstreamReply:
        """The stream's own."""
        return self._stream.reply

    def leave_within(self, seconds: float) -> None:
        """The stream is read on for so long."""
        self._stream.leave_within(seconds)

    async def events(self) -> AsyncGenerator[Event, None]:
        """The stream's own. Raises UpstreamError as it does; nothing is kept then."""
        frames: list[bytes] = []
        async for event in self._stream.events():
            frames.append(event.frame.raw)
            yield event
        self._keep(b"".join(frames))

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


class ReplayedStream:
    """A kept stream, frame by frame."""

    def __init__(self, call: Call, kept: bytes) -> None:
        self._call = call
        self._kept = kept
        self._assembler = call.wire.assembler()

    @property
    def reply(self) -> UpstreamReply:
        """What was given so far."""
        return self._call.cached_reply(self._assembler.body())

    def leave_within(self, seconds: float) -> None:
        """It is short."""

    async def events(self) -> AsyncGenerator[Event, None]:
        """Every event, in order."""
        for frame in SseParser().feed(self._kept):
            value = None if frame.data in (None, DONE) else json.loads(frame.data or "")
            if value is not None:
                self._assembler.add(value)
            yield Event(frame, value)

    async def aclose(self) -> None:
        """Nothing is open."""
