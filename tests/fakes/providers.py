"""Model servers as the providers' are: scripted answers in their own wire formats.

Shapes are those of the providers' documentation; a script is a list of answers, the last repeats.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
class FakeProvider:
    """An ASGI app that answers by its script and keeps what it was sent."""

    script: Sequence[Answer]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.paths.append(request.url.path)
        self.headers.append(dict(request.headers))
        self.requests.append(json.loads(await request.body()))
        answer = self.script[min(len(self.requests), len(self.script)) - 1]
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
