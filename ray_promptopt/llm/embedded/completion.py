"""`complete`: a chat-completions body in, a chat.completion object out. Pure and deterministic."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from ray_promptopt.llm.embedded.answering import Reply, answer_as_reader
from ray_promptopt.llm.embedded.reader import READERS
from ray_promptopt.llm.embedded.requests import ChatRequest, read_request
from ray_promptopt.llm.embedded.usage import usage_of
from ray_promptopt.llm.embedded.writer.writing import answer_as_writer

_CREATED = 1_700_000_000
_ANSWERERS: dict[str, Callable[[ChatRequest], Reply]] = {
    **dict.fromkeys(READERS, answer_as_reader),
    "embedded/writer": answer_as_writer,
}
EMBEDDED_MODELS = tuple(_ANSWERERS)


class UnknownModelError(LookupError):
    """The request names a model that is not one of `EMBEDDED_MODELS`."""


def complete(body: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to a request: a function of the body alone, its id and time stamp included."""
    request = read_request(body)
    model = model_id(request.model)
    answer = _ANSWERERS.get(model)
    if answer is None:
        known = ", ".join(EMBEDDED_MODELS)
        raise UnknownModelError(f"model {request.model!r} is not served here; use one of: {known}")
    reply = answer(request.with_model(model))
    said = reply.content if reply.content is not None else f"{reply.tool}{reply.arguments}"
    identity = hashlib.sha256(f"{model}\n{request.seed}\n{said}".encode("utf-8", "replace"))
    return {
        "id": f"chatcmpl-{identity.hexdigest()[:24]}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": _message(reply, identity.hexdigest()[24:36]),
                "finish_reason": "stop" if reply.tool is None else "tool_calls",
                "logprobs": None,
            }
        ],
        "usage": usage_of(request, [said]),
    }


def model_id(name: str) -> str:
    """The full id of a model named with or without its `embedded/` prefix."""
    return name if name.startswith("embedded/") else f"embedded/{name}"


def _message(reply: Reply, call_id: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.content}
    if reply.tool is not None:
        function = {"name": reply.tool, "arguments": reply.arguments}
        message["tool_calls"] = [
            {"id": f"call_{call_id}", "type": "function", "function": function}
        ]
    return message
