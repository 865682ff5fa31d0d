"""The Responses API as its provider speaks it: bodies and event streams that echo instructions."""

import json
from typing import Any

from tests.fakes.providers import Answer

USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 40},
    "output_tokens": 10,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 110,
}


def response(text: str = "an answer", *, echo: str | None = None, **changes: Any) -> dict[str, Any]:
    """A whole response; `echo` stands where a provider repeats what it was asked."""
    content = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
               "content": [content]}  # fmt: skip
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": echo,
        "model": "gpt-4o-mini-2024-07-18",
        "output": [message],
        "parallel_tool_calls": True,
        "store": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": USAGE,
        **changes,
    }


def responded(text: str = "an answer", *, echo: str | None = None, **changes: Any) -> Answer:
    """The same as an HTTP answer."""
    return Answer(200, response(text, echo=echo, **changes))


def event(kind: str, number: int, **fields: Any) -> bytes:
    """One frame, as OpenAI names and numbers them."""
    body = {"type": kind, "sequence_number": number, **fields}
    return f"event: {kind}\ndata: {json.dumps(body)}\n\n".encode()


def response_events(*words: str, echo: str | None = None) -> list[bytes]:
    """The frames of a streamed response."""
    begun = response("", echo=echo, status="in_progress", output=[], usage=None)
    item: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "content": [],
                            "status": "in_progress"}  # fmt: skip
    frames = [
        event("response.created", 0, response=begun),
        event("response.in_progress", 1, response=begun),
        event("response.output_item.added", 2, output_index=0, item=item),
        event("response.content_part.added", 3, item_id="msg_1", output_index=0, content_index=0,
              part={"type": "output_text", "text": "", "annotations": []}),
    ]  # fmt: skip
    frames += [
        event("response.output_text.delta", number, item_id="msg_1", output_index=0,
              content_index=0, delta=word, logprobs=[])
        for number, word in enumerate(words, start=4)
    ]  # fmt: skip
    whole = response("".join(words), echo=echo)
    return [*frames, event("response.completed", 4 + len(words), response=whole)]
