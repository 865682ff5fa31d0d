"""The gateway as a raw ASGI app: one per replica, nothing shared but through the state port."""

import asyncio
import json
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ray_promptopt.core.errors import SubstitutionError, UpstreamError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange
from ray_promptopt.gateway import exchanges, replies
from ray_promptopt.gateway.interceptor import read_messages, substitute
from ray_promptopt.gateway.paths import Route, parse_route
from ray_promptopt.gateway.ports import StatePort
from ray_promptopt.gateway.recorder import TraceRecorder
from ray_promptopt.gateway.replies import BadRequest, Reply, UnknownTrial
from ray_promptopt.gateway.resolver import TrialResolver
from ray_promptopt.gateway.state import CallClosed, CallOpened
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.upstream import Upstream

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LARGEST_BODY_BYTES = 8 * 1024 * 1024
_log = logging.getLogger(__name__)


class GatewayApp:
    """Serves `POST …/chat/completions` of every known trial, and `GET /healthz`."""

    def __init__(self, state: StatePort, *, upstream: Upstream | None = None) -> None:
        self._resolver = TrialResolver(state)
        self._recorder = TraceRecorder(state)
        self._upstream = upstream or Upstream(os.environ)
        self._calls: set[asyncio.Task[Reply]] = set()

    async def aclose(self) -> None:
        """Finish the calls in hand, send what is still to be recorded, close the connections."""
        if self._calls:
            await asyncio.wait(self._calls)
        await self._recorder.drain()
        await self._upstream.aclose()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        try:
            reply = await self._route(scope, receive)
        except BadRequest as bad:
            reply = _refusal(bad)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(reply.body)).encode()),
            *reply.headers,
        ]
        await send({"type": "http.response.start", "status": reply.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _route(self, scope: Message, receive: Receive) -> Reply:
        path, method = scope["path"], scope["method"]
        if path == "/healthz" and method == "GET":
            return Reply(200, (), b'{"status":"ok"}')
        route = parse_route(path, scope["query_string"].decode("latin-1"))
        if route is None:
            return replies.error(404, "not_found", "the gateway serves chat completions of trials")
        if method != "POST":
            return replies.error(405, "method_not_allowed", "chat completions are posted")
        raw = await _read_body(receive)
        # A caller that hangs up does not end the call: what it costs must be known.
        call = asyncio.create_task(self._recorded(route, raw))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return await asyncio.shield(call)

    async def _recorded(self, route: Route, raw: bytes) -> Reply:
        """The answer; whatever it is, the call is opened and closed in the state's record."""
        if route.correlation_id is None:
            return (await self._answer(route, raw))[0]
        call_id = uuid.uuid4().hex
        opened = self._recorder.record(CallOpened(route.correlation_id, call_id))
        reply, exchange = await self._answer(route, raw)
        await opened
        self._recorder.record(CallClosed(route.correlation_id, call_id, exchange))
        return reply

    async def _answer(self, route: Route, raw: bytes) -> tuple[Reply, Exchange]:
        """Never raises: a call that was opened must be closed."""
        started = time.monotonic()
        messages: tuple[ChatMessage, ...] = ()
        model, fatal = "", False
        try:
            binding = await self._resolver.resolve(route.reference)
            if binding is None:
                raise UnknownTrial()
            model = binding.upstream.model
            body = _parse(raw)
            messages = read_messages(body)
            answer = await self._upstream.complete(
                binding.upstream, substitute(body, messages, binding), Prices(binding.prices)
            )
            return replies.completion(answer.body), exchanges.answered(messages, answer, started)
        except BadRequest as bad:
            reply, code, failure = _refusal(bad), bad.code, bad.message
        except SubstitutionError as refused:
            code, failure = "substitution_failed", str(refused)
            reply = replies.error(422, code, failure, param="messages")
        except UpstreamError as error:
            code, failure, fatal = error.code, str(error), error.fatal
            status = error.status_code or 502
            reply = replies.error(
                status if status >= 400 else 502, code, failure, kind="upstream_error"
            )
        except Exception as error:  # noqa: BLE001 - an open call would hold its rollout up
            # Its text and its traceback may show a prompt: the type has to do.
            code, failure = "gateway_error", f"the gateway failed ({type(error).__name__})"
            _log.error("call failed: trial=%s error=%s", route.reference, type(error).__name__)
            reply = replies.error(500, code, failure, kind="gateway_error")
        return reply, exchanges.failed(
            messages,
            model=model,
            status_code=reply.status_code,
            code=code,
            failure=failure,
            started=started,
            fatal=fatal,
        )


def _refusal(bad: BadRequest) -> Reply:
    return replies.error(bad.status_code, bad.code, bad.message, param=bad.param)


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("the caller went away", status_code=499)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > _LARGEST_BODY_BYTES:
            raise BadRequest(
                f"the body is larger than {_LARGEST_BODY_BYTES} bytes", status_code=413
            )
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    if body.get("stream"):
        raise BadRequest("streaming is not served here: send the request without it", "stream")
    return body
