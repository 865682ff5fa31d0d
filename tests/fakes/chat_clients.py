"""What tests of client libraries ask, and where: a gateway's `base_url` for one rollout."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from tests.fakes.interceptor import BASELINE, Interceptor
from tests.fakes.providers import Answer, Streamed, chunk, completed, streamed

T = TypeVar("T")
MESSAGES: Any = [
    {"role": "system", "content": BASELINE},
    {"role": "user", "content": "Where is my parcel?"},
]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Find a parcel.",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    },
}
WORDS = ("It is ", "on its way")
TEXT = "".join(WORDS)


class Label(BaseModel):
    """A structured answer."""

    label: str


def base_url(gateway: Interceptor) -> str:
    """Of the rollout, for clients that add the API's path."""
    return f"{gateway.url}/v1/{gateway.trial_id}/{gateway.correlation_id}"


async def in_thread(call: Callable[[], T]) -> T:
    """A blocking client beside the loop in which gateway and provider run."""
    return await asyncio.to_thread(call)


def tool_call() -> Answer:
    """A whole answer that calls the tool."""
    function = {"name": "find", "arguments": '{"number": 7}'}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }
    return completed(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}])


def tool_call_in_pieces() -> Streamed:
    """The same, streamed."""

    def part(function: dict[str, str], **fields: Any) -> bytes:
        return chunk({"tool_calls": [{"index": 0, "function": function, **fields}]})

    return Streamed(
        [
            part({"name": "find", "arguments": ""}, id="call_1", type="function"),
            part({"arguments": '{"number"'}),
            part({"arguments": ": 7}"}),
            chunk({}, end="tool_calls"),
            b"data: [DONE]\n\n",
        ]
    )


def in_the_words_of(provider: str) -> Streamed:
    """A streamed answer with the provider's own way of telling usage."""
    said = [chunk({"content": word}, usage=None) for word in WORDS]
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    if provider == "groq":
        last = chunk({}, end="stop", x_groq={"id": "req_1", "usage": usage})
        return Streamed([*said, last, b"data: [DONE]\n\n"])
    if provider == "google":
        growing = [
            chunk({"content": word}, usage={**usage, "completion_tokens": 5 * number,
                                            "total_tokens": 100 + 5 * number})
            for number, word in enumerate(WORDS, start=1)
        ]  # fmt: skip
        return Streamed([*growing, chunk({}, end="stop", usage=usage), b"data: [DONE]\n\n"])
    return Streamed(streamed(*WORDS))
