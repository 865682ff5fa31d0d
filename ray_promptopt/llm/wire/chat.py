"""Chat completions: whole bodies, and chunks that add up to one.

Text and arguments come in fragments; tool calls are joined by `index`, choices by theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.providers import NOT_STORED, Prepared, Provider

_MOST_PARTS = 4096
"""Choices or tool calls of one reply; whatever claims to be more is passed over."""
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


class ChatWire:
    """`POST …/chat/completions`."""

    path = "chat/completions"
    noun = "chat completion"

    def prepare(
        self, provider: Provider, body: Mapping[str, Any], model: UpstreamModel
    ) -> Prepared:
        """In the provider's dialect; it is to keep nothing, for that would hold the prompt."""
        prepared = provider.prepare(body, model)
        if not prepared.body.get("store"):
            return prepared
        return Prepared({**prepared.body, "store": False}, (*prepared.notes, NOT_STORED))

    def is_reply(self, body: Mapping[str, Any]) -> bool:
        """It has a choice with a message."""
        choices = body.get("choices")
        return (
            isinstance(choices, list)
            and bool(choices)
            and isinstance(choices[0], dict)
            and isinstance(choices[0].get("message"), dict)
        )

    def as_stream(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Usage is asked for whether the caller asked or not: the bill must be known."""
        options = {**(body.get("stream_options") or {}), "include_usage": True}
        return {**body, "stream": True, "stream_options": options}

    def error_in(self, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Providers put an error in the place of a chunk, and some in that of a completion."""
        error = value.get("error")
        if not error:
            return None
        return error if isinstance(error, Mapping) else {"message": str(error)}

    def assembler(self) -> "ChatAssembler":
        """A fresh one."""
        return ChatAssembler()

    def said(self, body: Mapping[str, Any]) -> Any:
        """The choices."""
        return body.get("choices")

    def finish_reasons(self, body: Mapping[str, Any]) -> list[str]:
        """One of each choice."""
        choices = body.get("choices")
        reasons = [
            choice.get("finish_reason")
            for choice in (choices if isinstance(choices, list) else ())
            if isinstance(choice, Mapping)
        ]
        return [reason for reason in reasons if isinstance(reason, str)]


CHAT = ChatWire()


@dataclass
class _ToolCall:
    """`kept` are the fields that are not text: id, type, a provider's signature."""

    kept: dict[str, Any] = field(default_factory=dict)
    name: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def add(self, fragment: Mapping[str, Any]) -> None:
        self.kept |= {
            key: value
            for key, value in fragment.items()
            if key not in ("index", "function") and value is not None
        }
        function = fragment.get("function")
        if isinstance(function, Mapping):
            self.name.append(_text(function.get("name")))
            self.arguments.append(_text(function.get("arguments")))

    def whole(self) -> dict[str, Any]:
        function = {"name": "".join(self.name), "arguments": "".join(self.arguments)}
        return {**self.kept, "function": function}


@dataclass
class _Choice:
    texts: dict[str, list[str]] = field(default_factory=dict)
    calls: list[_ToolCall] = field(default_factory=list)
    by_index: dict[int, _ToolCall] = field(default_factory=dict)
    finish_reason: str | None = None

    def add(self, delta: Mapping[str, Any]) -> None:
        for name in _TEXTS:
            if text := _text(delta.get(name)):
                self.texts.setdefault(name, []).append(text)
        fragments = delta.get("tool_calls")
        for fragment in fragments if isinstance(fragments, list) else ():
            if isinstance(fragment, Mapping) and len(self.calls) < _MOST_PARTS:
                self._call(fragment).add(fragment)

    def _call(self, fragment: Mapping[str, Any]) -> _ToolCall:
        """The call that the fragment goes on with. Gemini gives every call the index 0."""
        index = fragment.get("index")
        index = index if isinstance(index, int) else 0
        call = self.by_index.get(index)
        identity = fragment.get("id")
        if call is None or (identity and call.kept.get("id") not in (None, identity)):
            call = self.by_index[index] = _ToolCall()
            self.calls.append(call)
        return call

    def whole(self, index: int) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        message |= {name: "".join(parts) for name, parts in self.texts.items()}
        if self.calls:
            message["tool_calls"] = [call.whole() for call in self.calls]
        return {"index": index, "message": message, "finish_reason": self.finish_reason}


class ChatAssembler:
    """The chunks of one stream. Usage is cumulative where it comes often: the last one counts."""

    def __init__(self) -> None:
        self._top: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}

    @property
    def finished(self) -> bool:
        """Every choice that has begun has said why it ends."""
        return bool(self._choices) and all(
            choice.finish_reason for choice in self._choices.values()
        )

    def add(self, event: Mapping[str, Any]) -> None:
        """One chunk."""
        for name in ("id", "created", "model", "usage"):
            if event.get(name):
                self._top[name] = event[name]
        if isinstance(event.get("x_groq"), Mapping):
            self._top["x_groq"] = {**self._top.get("x_groq", {}), **event["x_groq"]}
        choices = event.get("choices")
        for raw in choices if isinstance(choices, list) else ():
            if isinstance(raw, Mapping):
                self._add_choice(raw)

    def _add_choice(self, raw: Mapping[str, Any]) -> None:
        index = raw.get("index", 0)
        if not isinstance(index, int) or not 0 <= index < _MOST_PARTS:
            return
        choice = self._choices.setdefault(index, _Choice())
        delta = raw.get("delta")
        if isinstance(delta, Mapping):
            choice.add(delta)
        if raw.get("finish_reason"):
            choice.finish_reason = str(raw["finish_reason"])

    def body(self) -> dict[str, Any]:
        """As a chat completion."""
        choices = [choice.whole(index) for index, choice in sorted(self._choices.items())]
        return {"object": "chat.completion", **self._top, "choices": choices}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
