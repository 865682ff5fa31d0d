"""A chat-completions body as the models see it: lenient in what it accepts, typed from here on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

_MAX_SCHEMA_DEPTH = 6


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One property of a tool's parameters or of a JSON response format."""

    name: str
    kind: str
    choices: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call."""

    name: str
    fields: tuple[SchemaField, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message; an assistant's tool call arguments are joined to its text."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """The parts of a request that a reply depends on."""

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...]
    wants_json: bool
    json_fields: tuple[SchemaField, ...]
    temperature: float
    seed: int

    def with_model(self, model: str) -> "ChatRequest":
        """The same request under the full id of its model."""
        return replace(self, model=model)


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """Read a body; parts that cannot be read count as absent."""
    turns = _turns(body.get("messages"))
    response_format = _mapping(body.get("response_format"))
    kind = str(response_format.get("type", ""))
    schema = _mapping(_mapping(response_format.get("json_schema")).get("schema"))
    seed = body.get("seed")
    return ChatRequest(
        model=str(body.get("model", "")),
        turns=turns,
        tools=_tools(body),
        wants_json=kind in ("json_object", "json_schema"),
        json_fields=_schema_fields(schema),
        temperature=_temperature(body.get("temperature")),
        seed=seed if isinstance(seed, int) else _hash_of(turns),
    )


def _turns(messages: Any) -> tuple[Turn, ...]:
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        return ()
    return tuple(
        Turn(str(m.get("role", "user")), _content(m)) for m in messages if isinstance(m, Mapping)
    )


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, Sequence) and not isinstance(content, str):
        parts = (_mapping(part).get("text") for part in content)
        content = "\n".join(part for part in parts if isinstance(part, str))
    text = content if isinstance(content, str) else ""
    calls = message.get("tool_calls")
    if isinstance(calls, Sequence) and not isinstance(calls, str):
        arguments = (_mapping(_mapping(c).get("function")).get("arguments") for c in calls)
        text = "\n".join([text, *(a for a in arguments if isinstance(a, str))]).strip()
    return text


def _tools(body: Mapping[str, Any]) -> tuple[Tool, ...]:
    """The tools on offer; a named `tool_choice` leaves that one, `none` leaves none."""
    tools = body.get("tools")
    choice = body.get("tool_choice")
    if choice == "none" or not isinstance(tools, Sequence) or isinstance(tools, str):
        return ()
    functions = [_mapping(_mapping(tool).get("function")) for tool in tools]
    named = _mapping(_mapping(choice).get("function")).get("name")
    return tuple(
        Tool(str(f["name"]), _schema_fields(_mapping(f.get("parameters"))))
        for f in functions
        if "name" in f and (named is None or f["name"] == named)
    )


def _schema_fields(schema: Mapping[str, Any]) -> tuple[SchemaField, ...]:
    required = schema.get("required")
    names = required if isinstance(required, Sequence) and not isinstance(required, str) else ()
    return tuple(
        SchemaField(
            name=str(name),
            kind=str(_mapping(spec).get("type", "string")),
            choices=_choices(_mapping(spec)),
            required=name in names,
        )
        for name, spec in _mapping(schema.get("properties")).items()
    )


def _choices(spec: Mapping[str, Any], depth: int = 0) -> tuple[str, ...]:
    choices = spec.get("enum")
    if isinstance(choices, Sequence) and not isinstance(choices, str):
        return tuple(choice for choice in choices if isinstance(choice, str))
    items = _mapping(spec.get("items"))
    return _choices(items, depth + 1) if items and depth < _MAX_SCHEMA_DEPTH else ()


def _temperature(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return min(max(float(value), 0.0), 2.0)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _hash_of(turns: tuple[Turn, ...]) -> int:
    """A seed from what the messages say, whatever the white space between the words."""
    said = json.dumps([[turn.role, " ".join(turn.content.split())] for turn in turns])
    return int.from_bytes(hashlib.sha256(said.encode("utf-8", "replace")).digest()[:6], "big")
