"""The Responses API: prompts in `instructions` and in `input`; what is echoed is put right again.

A response repeats the instructions it was made with, in the reply and in several events: the caller
gets its own back. Nothing is stored at the provider, so that nothing can be fetched there.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.gateway.dialects.tool_answers import DONE_BY_TOOL, shown_answers
from ray_promptopt.gateway.replies import BadRequest
from ray_promptopt.gateway.texts import MOST_MESSAGES, text_of, whole_text, with_text
from ray_promptopt.llm.sse import data_frame
from ray_promptopt.llm.stream import Event
from ray_promptopt.llm.wire import RESPONSES
from ray_promptopt.prompts.substitution import Plan

_RELAYED = frozenset(
    {
        "id", "object", "created_at", "completed_at", "status", "error", "incomplete_details",
        "max_output_tokens", "max_tool_calls", "metadata", "model", "output",
        "parallel_tool_calls", "reasoning", "safety_identifier", "service_tier", "store",
        "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation",
        "usage", "user",
    }
)  # fmt: skip
"""Fields of a response that are passed on; any other may echo what was asked."""
_STORED = ("previous_response_id", "conversation", "background", "prompt")
"""Request fields that need something stored at the provider."""
_ROLES = {"function_call": "assistant", "function_call_output": "tool"}
_TYPE = re.compile(r"response\.[a-z_.]+")
_KEEP_ALIVE = b":\n\n"


class ResponsesDialect:
    """`POST …/responses`."""

    wire = RESPONSES

    def read(self, body: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
        """The instructions as a system message, then the input's messages."""
        for name in _STORED:
            if body.get(name):
                words = f"{name} is not served: nothing is stored, send the whole input each time"
                raise BadRequest(words, name)
        messages: list[ChatMessage] = []
        instructions = body.get("instructions")
        if instructions is not None:
            if not isinstance(instructions, str):
                raise BadRequest("instructions must be a string", "instructions")
            messages.append(ChatMessage("system", whole_text(instructions)))
        given = body.get("input")
        if isinstance(given, str):
            messages.append(ChatMessage("user", whole_text(given)))
        elif isinstance(given, list) and len(given) <= MOST_MESSAGES:
            messages += [_message(index, item) for index, item in enumerate(given)]
        elif given is not None:
            words = f"input must be a string or a list of at most {MOST_MESSAGES} items"
            raise BadRequest(words, "input")
        if not messages:
            raise BadRequest("instructions or input must be given", "input")
        return tuple(messages)

    def put(self, body: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
        """Instructions come first where there are any. Examples turn a string into a list."""
        changed = dict(body)
        texts = dict(plan.texts)
        first = 0
        if body.get("instructions") is not None:
            first = 1
            changed["instructions"] = texts.pop(0, body["instructions"])
        given = body.get("input")
        shown = _examples(plan.examples.turns, body.get("tools"))
        if isinstance(given, str):
            text = texts.get(first, given)
            changed["input"] = [*shown, {"role": "user", "content": text}] if shown else text
        elif isinstance(given, list):
            items = list(given)
            for index, text in texts.items():
                item = items[index - first]
                items[index - first] = {**item, "content": with_text(item["content"], text)}
            place = plan.examples.place - first
            changed["input"] = [*items[:place], *shown, *items[place:]]
        return changed

    def shown_body(self, answer: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
        """With the caller's own instructions."""
        shown = {key: value for key, value in answer.items() if key in _RELAYED}
        return {**shown, "instructions": asked.get("instructions")}

    def shown_event(self, event: Event, asked: Mapping[str, Any]) -> bytes | None:
        """The event's own bytes, unless a whole response stands in it."""
        frame, value = event
        if value is None:
            return _KEEP_ALIVE
        kind = str(value.get("type"))
        if not _TYPE.fullmatch(kind):
            return _KEEP_ALIVE
        response = value.get("response")
        if response is None and frame.plain and frame.event in (None, kind):
            return frame.raw
        shown = dict(value)
        if isinstance(response, Mapping):
            shown["response"] = self.shown_body(response, asked)
        return data_frame(json.dumps(shown), kind)

    def error_event(self, error: Mapping[str, Any]) -> bytes:
        """As the API has it, with the error in chat's shape besides."""
        return data_frame(json.dumps({**error["error"], **error, "type": "error"}), "error")

    def reply_text(self, answer: Mapping[str, Any]) -> str:
        """The text of the messages, else the calls as `name(arguments)`, a line each."""
        items = [item for item in answer.get("output") or () if isinstance(item, Mapping)]
        texts = [text_of(item.get("content")) for item in items if item.get("type") == "message"]
        calls = [
            f"{item.get('name')}({item.get('arguments')})"
            for item in items
            if item.get("type") == "function_call"
        ]
        return whole_text("\n".join(calls or texts))


def _examples(turns: Sequence[ChatMessage], tools: Any) -> list[dict[str, Any]]:
    """Turns as items of an input; calls of one of the request's tools as the calls they are."""
    items: list[dict[str, Any]] = []
    for turn, calls in shown_answers(turns, tools):
        if not calls:
            items.append({"role": turn.role, "content": turn.content})
        for one in calls:
            called = {"name": one.name, "arguments": one.arguments}
            items.append({"type": "function_call", "call_id": one.id, **called})
            output = {"call_id": one.id, "output": DONE_BY_TOOL}
            items.append({"type": "function_call_output", **output})
    return items


def _message(index: int, item: Any) -> ChatMessage:
    if not isinstance(item, Mapping):
        raise BadRequest(f"input[{index}] must be an object", "input")
    if isinstance(item.get("role"), str):
        return ChatMessage(whole_text(item["role"]), text_of(item.get("content")))
    kind = item.get("type")
    if not isinstance(kind, str):
        raise BadRequest(f"input[{index}] needs a role or a type", "input")
    role = _ROLES.get(kind, whole_text(kind))
    return ChatMessage(role, text_of(item.get("output")))
