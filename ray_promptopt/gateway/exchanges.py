"""What is recorded of a call: the app's own words, the model's reply, or how the call failed."""

import time
from collections.abc import Mapping
from typing import Any

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.llm.providers.base import CANDIDATE_CODES
from ray_promptopt.llm.upstream import UpstreamReply


def answered(messages: tuple[ChatMessage, ...], answer: UpstreamReply, started: float) -> Exchange:
    """A call that the model answered; `started` is of the monotonic clock."""
    return Exchange(
        messages=messages,
        reply=reply_text(answer.body["choices"][0]["message"]),
        model=answer.model,
        spend=answer.spend,
        latency_s=time.monotonic() - started,
        status_code=200,
        notes=answer.notes,
    )


def failed(
    messages: tuple[ChatMessage, ...],
    *,
    model: str,
    status_code: int,
    code: str,
    failure: str,
    started: float,
    fatal: bool = False,
) -> Exchange:
    """A call that got no answer."""
    return Exchange(
        messages=messages,
        reply="",
        model=model,
        spend=NO_SPEND,
        latency_s=time.monotonic() - started,
        status_code=status_code,
        failure=failure,
        failure_code=code,
        candidate_fault=code in CANDIDATE_CODES,
        fatal=fatal,
    )


def reply_text(message: Mapping[str, Any]) -> str:
    """The model's text; its tool calls as `name(arguments)`, a line each."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or not calls:
        return whole_text(str(message.get("content") or ""))
    functions = [call.get("function") for call in calls if isinstance(call, Mapping)]
    return whole_text(
        "\n".join(
            f"{function.get('name')}({function.get('arguments')})"
            for function in functions
            if isinstance(function, Mapping)
        )
    )


def whole_text(text: str) -> str:
    """The text with a `?` for each half of a character: JSON may escape what UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()
