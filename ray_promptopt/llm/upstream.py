"""Model calls over HTTP, with retries: the way to every provider, for gateway and coordinator.

Keys are read from the environment at the call and are in no error, log line or repr.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import aiohttp

from ray_promptopt.core.connections import IDLE_CONNECTION_S
from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.llm.call import Call, Failed, UpstreamReply
from ray_promptopt.llm.pace import Line, PacePolicy, Slot
from ray_promptopt.llm.providers.base import RATE_LIMITED
from ray_promptopt.llm.retry import RetryPolicy
from ray_promptopt.llm.stream import StreamLimits, UpstreamStream

_LARGEST_RESPONSE_BYTES = 32 * 1024 * 1024
Got = TypeVar("Got")


class _Won(NamedTuple):
    """What the last attempt gave, and how many it took."""

    answer: Any
    attempts: int


class Upstream:
    """A connection pool to all providers. Close it with `aclose`.

    `timeout_s` bounds a call with all its retries (of a stream: up to its first event), for
    callers and the gateway's record wait for it; `stream` bounds what comes after.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        retry: RetryPolicy | None = None,
        timeout_s: float = 120.0,
        stream: StreamLimits | None = None,
        pace: PacePolicy | None = None,
    ) -> None:
        self._pace = pace or PacePolicy()
        self._lines: dict[tuple[str, str], Line] = {}
        self._environ = environ
        self._retry = retry or RetryPolicy()
        self.timeout_s = timeout_s
        self._stream_limits = stream or StreamLimits()
        self._session: aiohttp.ClientSession | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """The calls of each model that was asked so far."""
        return tuple(self._lines.values())

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def complete(self, call: Call, *, within_s: float | None = None) -> UpstreamReply:
        """The reply. Raises UpstreamError once retries cannot help or are used up.

        `within_s` is a shorter time than `timeout_s`.
        """
        headers = call.headers(self._environ)
        started_s = time.monotonic()

        async def attempt(left_s: float) -> dict[str, Any] | Failed:
            return await self._whole(call, headers, left_s)

        answer, attempts = await self._persist(call, attempt, within_s)
        return call.reply(answer, latency_s=time.monotonic() - started_s, attempts=attempts)

    async def stream(self, call: Call, *, within_s: float | None = None) -> UpstreamStream:
        """The open stream of a call that was made with `as_stream`, its first event at hand.

        Raises UpstreamError as `complete` does.
        """
        headers = {**call.headers(self._environ), "Accept": "text/event-stream"}

        async def attempt(left_s: float) -> UpstreamStream | Failed:
            return await self._opened(call, headers, left_s)

        opened, attempts = await self._persist(call, attempt, within_s)
        opened.attempts = attempts
        stream: UpstreamStream = opened
        return stream

    async def _persist(
        self,
        call: Call,
        attempt: Callable[[float], Awaitable[Got | Failed]],
        within_s: float | None,
    ) -> _Won:
        """Try until it succeeds or trying is over. Raises the last attempt's UpstreamError."""
        ends_s = time.monotonic() + (self.timeout_s if within_s is None else within_s)
        attempts, waited_s = 1, 0.0
        while True:
            slot = await self._line(call).enter(ends_s - time.monotonic())
            answer: Got | Failed | None = None
            try:
                answer = await attempt(ends_s - time.monotonic())
            finally:
                _give_back(slot, answer)
            if not isinstance(answer, Failed):
                return _Won(answer, attempts)
            wait_s = self._retry.wait_s(
                answer.error,
                attempt=attempts,
                waited_s=waited_s,
                jitter=random.random(),
            )
            if wait_s is None or time.monotonic() + wait_s >= ends_s:
                raise answer.error
            await asyncio.sleep(wait_s)
            attempts, waited_s = attempts + 1, waited_s + wait_s

    def _line(self, call: Call) -> Line:
        key = (call.url, call.model.model)
        if key not in self._lines:
            self._lines[key] = Line(call.name, self._pace)
        return self._lines[key]

    async def _whole(
        self, call: Call, headers: Mapping[str, str], left_s: float
    ) -> dict[str, Any] | Failed:
        """One attempt at a reply in one piece."""
        try:
            async with asyncio.timeout(left_s), self._post(call, headers) as response:
                raw = await _read(response)
                if response.status != 200:
                    return _refused(call, response, raw)
        except (aiohttp.ClientError, OSError) as error:
            return _unreached(call, error, left_s)
        reported = call.wire.error_in(raw) if isinstance(raw, dict) else None
        if reported is not None:
            return Failed(call.provider.classify_event(reported, call.model))
        if not isinstance(raw, dict) or not call.wire.is_reply(raw):
            words = f"answered 200 with something that is no {call.wire.noun}"
            return Failed(_malformed(call, words))
        return raw

    async def _opened(
        self, call: Call, headers: Mapping[str, str], left_s: float
    ) -> UpstreamStream | Failed:
        """One attempt at a stream, up to its first event."""
        response: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout(left_s):
                started_s = time.monotonic()
                response = await self._post(call, headers)
                if response.status != 200:
                    return _refused(call, response, await _read(response))
                if response.content_type != "text/event-stream":
                    words = f"answered a request for a stream with {response.content_type}"
                    return Failed(_malformed(call, words))
                stream = UpstreamStream(call, response, self._stream_limits, started_s)
                await stream.open()
                response = None
                return stream
        except UpstreamError as error:
            return Failed(error)
        except (aiohttp.ClientError, OSError) as error:
            return _unreached(call, error, left_s)
        finally:
            if response is not None:
                response.close()

    def _post(self, call: Call, headers: Mapping[str, str]) -> Any:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_S)
            self._session = aiohttp.ClientSession(connector=connector)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0)
        return self._session.post(
            call.url, headers=headers, json=call.body, allow_redirects=False, timeout=timeout
        )


def _give_back(slot: Slot, answer: object) -> None:
    """A stream keeps its slot until it is closed."""
    if isinstance(answer, UpstreamStream):
        answer.on_close = lambda: slot.leave(True)
    elif isinstance(answer, Failed):
        slot.leave(False if answer.error.code == RATE_LIMITED else None)
    else:
        slot.leave(True if answer is not None else None)


def _unreached(call: Call, error: Exception, left_s: float) -> Failed:
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
        message = f"{call.name} did not answer within {left_s:.1f} s"
        return Failed(UpstreamError(message, status_code=504, code="timeout", retryable=True))
    message = f"{call.name} cannot be reached ({type(error).__name__})"
    return Failed(UpstreamError(message, status_code=502, code="connection_error", retryable=True))


def _refused(call: Call, response: aiohttp.ClientResponse, raw: Any) -> Failed:
    headers = response.headers
    wait_s = call.provider.asked_wait_s(response.status, headers, raw, time.time())
    return Failed(call.provider.classify(response.status, raw, call.model, wait_s))


def _malformed(call: Call, words: str) -> UpstreamError:
    return UpstreamError(
        f"{call.name} {words}", status_code=502, code="malformed_reply", retryable=True
    )


async def _read(response: aiohttp.ClientResponse) -> Any:
    """The decoded body; None when it is too large or no JSON."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > _LARGEST_RESPONSE_BYTES:
            return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
