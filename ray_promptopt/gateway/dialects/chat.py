"""Chat completions: prompts in messages, as strings or content parts; streams of chunks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.gateway.dialects.tool_answers import DONE_BY_TOOL, ShownCall, shown_answers
from ray_promptopt.gateway.replies import BadRequest
from ray_promptopt.gateway.texts import MOST_MESSAGES, text_of, whole_text, with_text
from ray_promptopt.llm.sse import data_frame
from ray_promptopt.llm.stream import DONE, Event
from ray_promptopt.llm.wire import CHAT
from ray_promptopt.prompts.substitution import Plan

_RELAYED = frozenset(
    {
        "id", "object", "created", "model", "choices", "usage", "system_fingerprint",
        "service_tier", "x_groq", "obfuscation",
    }
)  # fmt: skip
"""Fields of a completion that are passed on; a provider's echo of the request is not."""
_ECHO = "prompt"
"""Fields of a choice that begin so tell what was asked (vLLM's prompt_logprobs)."""
KEEP_ALIVE = b":\n\n"


class ChatDialect:
    """`POST …/chat/completions`."""

    wire = CHAT

    def read(self, body: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
        """Every message, in order."""
        raw = body.get("messages")
        if not isinstance(raw, list) or not raw:
            raise BadRequest("messages must be a non-empty list", "messages")
        if len(raw) > MOST_MESSAGES:
            raise BadRequest(f"at most {MOST_MESSAGES} messages are taken", "messages")
        if not isinstance(body.get("stream_options") or {}, Mapping):
            raise BadRequest("stream_options must be an object", "stream_options")
        messages = []
        for index, message in enumerate(raw):
            if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
                raise BadRequest(f"messages[{index}] needs a role", "messages")
            messages.append(
                ChatMessage(whole_text(message["role"]), text_of(message.get("content")))
            )
        return tuple(messages)

    def put(self, body: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
        """Content keeps its shape: parts that are not text keep their places."""
        messages = list(body["messages"])
        for index, text in plan.texts.items():
            original = messages[index]
            messages[index] = {**original, "content": with_text(original["content"], text)}
        place = plan.examples.place
        messages[place:place] = _examples(plan.examples.turns, body.get("tools"))
        return {**body, "messages": messages}

    def shown_body(self, answer: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
        """Without echoes."""
        shown = {key: value for key, value in answer.items() if key in _RELAYED}
        if _echoes(answer):
            shown["choices"] = [
                {key: value for key, value in choice.items() if not key.startswith(_ECHO)}
                for choice in answer["choices"]
                if isinstance(choice, Mapping)
            ]
        return shown

    def shown_event(self, event: Event, asked: Mapping[str, Any]) -> bytes | None:
        """The chunk's own bytes, unless it echoes; no usage chunk for who did not ask for one."""
        frame, chunk = event
        bare = frame.plain and frame.event is None
        if chunk is None:
            if frame.data is None:
                return KEEP_ALIVE
            return frame.raw if bare else data_frame(DONE)
        options = asked.get("stream_options") or {}
        if chunk.get("usage") and chunk.get("choices") == [] and not options.get("include_usage"):
            return None
        if bare and chunk.keys() <= _RELAYED and not _echoes(chunk):
            return frame.raw
        return data_frame(json.dumps(self.shown_body(chunk, asked)))

    def error_event(self, error: Mapping[str, Any]) -> bytes:
        """In place of a chunk; no end mark follows it."""
        return data_frame(json.dumps(error))

    def reply_text(self, answer: Mapping[str, Any]) -> str:
        """The first choice's text, else its tool calls as `name(arguments)`, a line each."""
        choices = answer.get("choices")
        message = choices[0].get("message") if choices else None
        if not isinstance(message, Mapping):
            return ""
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


def _examples(turns: Sequence[ChatMessage], tools: Any) -> list[dict[str, Any]]:
    """Turns as messages. A call of one of the request's tools is shown as the call that it is."""
    messages: list[dict[str, Any]] = []
    for answer in shown_answers(turns, tools):
        messages.append({"role": answer.turn.role, "content": answer.turn.content})
        if answer.calls:
            messages[-1] |= {"content": None, "tool_calls": [_call(one) for one in answer.calls]}
            messages += [
                {"role": "tool", "tool_call_id": one.id, "content": DONE_BY_TOOL}
                for one in answer.calls
            ]
    return messages


def _call(shown: ShownCall) -> dict[str, Any]:
    function = {"name": shown.name, "arguments": shown.arguments}
    return {"id": shown.id, "type": "function", "function": function}


def _echoes(answer: Mapping[str, Any]) -> bool:
    choices = answer.get("choices")
    return isinstance(choices, list) and any(
        not isinstance(choice, Mapping) or any(key.startswith(_ECHO) for key in choice)
        for choice in choices
    )
