"""The gateway as a raw ASGI app: one per replica, nothing shared but through the state port."""

import json
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from ray_promptopt.core.errors import SubstitutionError, UpstreamError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.gateway import replies
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.interceptor import read_messages, substitute
from ray_promptopt.gateway.paths import parse_route
from ray_promptopt.gateway.ports import StatePort
from ray_promptopt.gateway.recorder import TraceRecorder
from ray_promptopt.gateway.replies import BadRequest, Reply
from ray_promptopt.gateway.resolver import TrialResolver
from ray_promptopt.gateway.state import CallClosed, CallOpened
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.providers.base import CANDIDATE_CODES
from ray_promptopt.llm.upstream import Upstream, UpstreamReply

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LARGEST_BODY_BYTES = 8 * 1024 * 1024


class GatewayApp:
    """Serves `POST …/chat/completions` of every known trial, and `GET /healthz`."""

    def __init__(self, state: StatePort, *, upstream: Upstream | None = None) -> None:
        self._resolver = TrialResolver(state)
        self._recorder = TraceRecorder(state)
        self._upstream = upstream or Upstream(os.environ)

    async def aclose(self) -> None:
        """Send what is still to be recorded, and close the connections."""
        await self._recorder.drain()
        await self._upstream.aclose()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        try:
            reply = await self._route(scope, receive)
        except BadRequest as bad:
            reply = replies.error(bad.status_code, "invalid_request", bad.message, param=bad.param)
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
        body = await _read_body(receive)
        binding = await self._resolver.resolve(route.reference)
        messages = read_messages(body)
        if body.get("stream"):
            raise BadRequest("streaming is not served here: send the request without it", "stream")
        if route.correlation_id is None:
            return (await self._answer(binding, body, messages))[0]
        call_id = uuid.uuid4().hex
        opened = self._recorder.record(CallOpened(route.correlation_id, call_id))
        reply, exchange = await self._answer(binding, body, messages)
        await opened
        self._recorder.record(CallClosed(route.correlation_id, call_id, exchange))
        return reply

    async def _answer(
        self,
        binding: TrialBinding | None,
        body: dict[str, Any],
        messages: tuple[ChatMessage, ...],
    ) -> tuple[Reply, Exchange]:
        started = time.monotonic()
        if binding is not None:
            return await self._call(binding, body, messages, started)
        reply = replies.error(
            404,
            "unknown_trial",
            "this trial id is not known, or its run has ended: use the inference_url of the "
            "rollout request, or the id of a run that this gateway serves",
        )
        return reply, _failed(messages, reply, "unknown trial id", "unknown_trial", started)

    async def _call(
        self,
        binding: TrialBinding,
        body: dict[str, Any],
        messages: tuple[ChatMessage, ...],
        started: float,
    ) -> tuple[Reply, Exchange]:
        try:
            prepared = substitute(body, messages, binding)
            answer = await self._upstream.complete(
                binding.upstream, prepared, Prices(binding.prices)
            )
        except SubstitutionError as refused:
            reply = replies.error(422, "substitution_failed", str(refused), param="messages")
            code, fatal = "substitution_failed", False
            failure = str(refused)
        except UpstreamError as failed:
            status = failed.status_code or 502
            reply = replies.error(status, failed.code, str(failed), kind="upstream_error")
            code, fatal, failure = failed.code, failed.fatal, str(failed)
        else:
            return replies.completion(answer.body), _exchange(messages, answer, started)
        exchange = _failed(messages, reply, failure, code, started)
        return reply, replace(exchange, model=binding.upstream.model, fatal=fatal)


def _failed(
    messages: tuple[ChatMessage, ...], reply: Reply, failure: str, code: str, started: float
) -> Exchange:
    return Exchange(
        messages=messages,
        reply="",
        model="",
        spend=NO_SPEND,
        latency_s=time.monotonic() - started,
        status_code=reply.status_code,
        failure=failure,
        failure_code=code,
        candidate_fault=code in CANDIDATE_CODES,
    )


def _exchange(messages: tuple[ChatMessage, ...], answer: UpstreamReply, started: float) -> Exchange:
    return Exchange(
        messages=messages,
        reply=_reply_text(answer.body["choices"][0]["message"]),
        model=answer.model,
        spend=answer.spend,
        latency_s=time.monotonic() - started,
        status_code=200,
    )


def _reply_text(message: Mapping[str, Any]) -> str:
    """The model's text; its tool calls as `name(arguments)`, a line each."""
    calls = message.get("tool_calls")
    if not calls:
        return str(message.get("content") or "")
    functions = [call.get("function") or {} for call in calls if isinstance(call, Mapping)]
    return "\n".join(
        f"{function.get('name')}({function.get('arguments')})" for function in functions
    )


async def _read_body(receive: Receive) -> dict[str, Any]:
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
    try:
        body = json.loads(b"".join(chunks))
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body
