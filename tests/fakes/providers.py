"""Model servers as the providers' are: scripted answers in their own wire formats.

Shapes are those of the providers' documentation; a script is a list of answers, the last repeats.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response


@dataclass
class Answer:
    """One HTTP answer. A `body` that is a string is sent as it is; `hangs` never answers."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False


@dataclass
class Streamed:
    """An event stream, sent piece by piece, and what becomes of it then.

    Before piece number `waits_at` it waits until `go_on` is set.
    """

    pieces: Sequence[bytes]
    then: Literal["end", "break", "stall"] = "end"
    waits_at: int | None = None
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    num_sent: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, piece in enumerate(self.pieces):
            if number == self.waits_at:
                await self.go_on.wait()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self.num_sent += 1
        if self.then == "break":
            raise ConnectionAbortedError("the connection goes down with the answer")
        while self.then == "stall" and (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": b""})


Scripted = Answer | Streamed | Callable[[dict[str, Any]], Response]
"""What a script is made of; a function makes its answer of the request's body."""


@dataclass
class FakeProvider:
    """An ASGI app that answers by its script and keeps what it was sent."""

    script: Sequence[Scripted]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.paths.append(request.url.path)
        self.headers.append(dict(request.headers))
        self.requests.append(json.loads(await request.body()))
        self.arrived.set()
        answer = self.script[min(len(self.requests), len(self.script)) - 1]
        if isinstance(answer, Streamed):
            await answer(scope, receive, send)
            return
        if not isinstance(answer, Answer):
            await answer(self.requests[-1])(scope, receive, send)
            return
        if answer.hangs:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        response = Response(body, answer.status, answer.headers, media_type="application/json")
        await response(scope, receive, send)


def completed(text: str = "an answer", **changes: Any) -> Answer:
    """A chat completion; `changes` replace its top-level fields, None removes one."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        **changes,
    }
    return Answer(200, {name: value for name, value in body.items() if value is not None})


def chunk(*deltas: dict[str, Any], end: str | None = None, **changes: Any) -> bytes:
    """One frame of a streamed completion: a delta per choice, all ending for the same reason."""
    choices = [
        {"index": index, "delta": delta, "finish_reason": end} for index, delta in enumerate(deltas)
    ]
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": choices,
        **changes,
    }
    return f"data: {json.dumps(body)}\n\n".encode()


USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
USAGE_CHUNK = chunk(usage=USAGE)
DONE_FRAME = b"data: [DONE]\n\n"


def streamed(*words: str) -> list[bytes]:
    """The frames of an answer, as OpenAI sends them when usage was asked for."""
    said = [chunk({"content": word}, usage=None) for word in words]
    first = chunk({"role": "assistant", "content": ""}, usage=None)
    return [first, *said, chunk({}, end="stop", usage=None), USAGE_CHUNK, DONE_FRAME]


def openai_error(status: int, code: str | None, message: str, **headers: str) -> Answer:
    """OpenAI's and Groq's shape."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Answer(
        status, {"error": error}, {name.replace("_", "-"): v for name, v in headers.items()}
    )


def google_error(status: int, state: str, message: str, *details: dict[str, Any]) -> Answer:
    """Google's OpenAI-compatible endpoint: a list, with a numeric code."""
    error = {"code": status, "message": message, "status": state, "details": list(details)}
    return Answer(status, [{"error": error}])


def google_quota(window: str, retry_delay: str) -> Answer:
    """A 429 of Google's; `window` is PerMinute or PerDay."""
    violation = {"quotaId": f"GenerateRequests{window}PerProjectPerModel-FreeTier"}
    return google_error(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry_delay},
    )
