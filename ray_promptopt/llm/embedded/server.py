"""The OpenAI-compatible HTTP server of the embedded models: models, chat completions, streaming."""

import asyncio
import itertools
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ray_promptopt.llm.embedded.completion import (
    EMBEDDED_MODELS,
    UnknownModelError,
    complete,
    model_id,
)
from ray_promptopt.llm.embedded.faults import Fault, RateLimit, draw_fate
from ray_promptopt.llm.embedded.settings import EmbeddedSettings

_PIECE = re.compile(r"\S+\s*|\s+")
_MALFORMED = b'{"id": "chatcmpl-broken", "object": "chat.completion", "choices": [{"message": '


def create_embedded_app(settings: EmbeddedSettings | None = None) -> Starlette:
    """An ASGI app that serves `EMBEDDED_MODELS` as the settings say."""
    service = _Service(settings or EmbeddedSettings())
    return Starlette(
        routes=[
            Route("/health", service.health),
            Route("/v1/models", service.models),
            Route("/v1/chat/completions", service.chat, methods=["POST"]),
        ]
    )


def run_embedded_server(host: str, port: int, settings: EmbeddedSettings | None = None) -> None:
    """Serve until the process is told to stop."""
    uvicorn.run(create_embedded_app(settings), host=host, port=port, log_level="warning")


class _Service:
    """The handlers of one app, with its request count and rate limit."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._numbers = itertools.count()
        self._limit = RateLimit(settings.faults.max_requests_per_s)

    async def health(self, request: Request) -> Response:
        """Always well: nothing has to be loaded."""
        return JSONResponse({"status": "ok"})

    async def models(self, request: Request) -> Response:
        """The models, as OpenAI lists them."""
        if not self._may_enter(request):
            return _wrong_key()
        models = [
            {"id": model, "object": "model", "created": 0, "owned_by": "embedded"}
            for model in EMBEDDED_MODELS
        ]
        return JSONResponse({"object": "list", "data": models})

    async def chat(self, request: Request) -> Response:
        """One completion, whole or streamed, or the fault that was drawn for it."""
        if not self._may_enter(request):
            return _wrong_key()
        body = await _body_of(request)
        if body is None:
            return _error(400, "invalid_request_error", "the body is not a JSON object")
        wait_s = self._limit.wait_s(time.monotonic())
        if wait_s > 0:
            return _rate_limited(wait_s)
        return await self._answered(body)

    def _may_enter(self, request: Request) -> bool:
        key = self._settings.api_key
        given = request.headers.get("authorization", "")
        return key is None or secrets.compare_digest(given.encode(), f"Bearer {key}".encode())

    async def _answered(self, body: Mapping[str, Any]) -> Response:
        model = model_id(str(body.get("model", "")))
        fate = draw_fate(self._settings, model, next(self._numbers))
        if fate.fault is Fault.RATE_LIMITED:
            return _rate_limited(self._settings.faults.retry_after_s)
        try:
            completion = complete(body)
        except UnknownModelError as error:
            return _error(404, "invalid_request_error", str(error), code="model_not_found")
        if fate.delay_s > 0:
            await asyncio.sleep(fate.delay_s)
        if fate.fault is Fault.ERROR:
            return _error(500, "server_error", "an error was injected by the server's settings")
        if fate.fault is Fault.TIMEOUT:
            return _error(504, "server_error", "a timeout was injected by the server's settings")
        if fate.fault is Fault.MALFORMED:
            return Response(_MALFORMED, media_type="application/json")
        if body.get("stream") is True:
            return StreamingResponse(_events(completion, body), media_type="text/event-stream")
        return JSONResponse(completion)


def stream_chunks(
    completion: Mapping[str, Any], *, include_usage: bool = False
) -> list[dict[str, Any]]:
    """A completion cut into `chat.completion.chunk` objects, word by word."""
    choice = completion["choices"][0]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    deltas += [{"content": piece} for piece in _PIECE.findall(message["content"] or "")]
    for index, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        first = {"name": function["name"], "arguments": ""}
        deltas.append({"tool_calls": [{**call, "index": index, "function": first}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in _PIECE.findall(function["arguments"])
        ]
    finish = choice["finish_reason"]
    ends = [None] * len(deltas) + [finish]
    chunks = [
        _chunk(completion, [{"index": 0, "delta": delta, "finish_reason": end}])
        for delta, end in zip([*deltas, {}], ends, strict=True)
    ]
    if include_usage:
        chunks.append({**_chunk(completion, []), "usage": completion["usage"]})
    return chunks


def _chunk(completion: Mapping[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": completion["id"],
        "object": "chat.completion.chunk",
        "created": completion["created"],
        "model": completion["model"],
        "choices": choices,
    }


async def _events(completion: Mapping[str, Any], body: Mapping[str, Any]) -> AsyncIterator[str]:
    options = body.get("stream_options")
    include_usage = isinstance(options, Mapping) and options.get("include_usage") is True
    for chunk in stream_chunks(completion, include_usage=include_usage):
        yield f"data: {json.dumps(chunk)}\n\n"
    yield "data: [DONE]\n\n"


async def _body_of(request: Request) -> Mapping[str, Any] | None:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _error(
    status: int,
    kind: str,
    message: str,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return JSONResponse({"error": error}, status_code=status, headers=headers)


def _wrong_key() -> Response:
    message = "missing or wrong key: send `Authorization: Bearer <key>`"
    return _error(401, "invalid_request_error", message, code="invalid_api_key")


def _rate_limited(wait_s: float) -> Response:
    message = f"too many requests: try again in {wait_s:.2f} s"
    headers = {"Retry-After": f"{wait_s:.2f}"}
    return _error(429, "rate_limit_error", message, code="rate_limit_exceeded", headers=headers)
