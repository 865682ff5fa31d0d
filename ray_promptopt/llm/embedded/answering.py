"""Puts an answer into the form asked for: a tool call, JSON, the label, or a sentence."""

import json
import random
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ray_promptopt.llm.embedded.query import cut_query
from ray_promptopt.llm.embedded.reader import PreparedPrompt, Scores, prepare, suggest_from
from ray_promptopt.llm.embedded.requests import ChatRequest, SchemaField, Turn

_SHARPNESS = 0.05
_LABEL_FIELD = re.compile(r"intent|label|categor|class|answer|prediction|choice", re.IGNORECASE)
_SPACES = re.compile(r"(?<=\S)[ \t]+")
_BLANK_LINES = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Reply:
    """An assistant message: its text, or the tool it calls."""

    content: str | None
    tool: str | None = None
    arguments: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is said, before its form: the text, its share of the belief, whether it is a label."""

    text: str
    confidence: float
    is_label: bool


def answer_as_reader(request: ChatRequest) -> Reply:
    """The assistant message of a reader."""
    turns = tuple(Turn(turn.role, _same_said(turn.content)) for turn in request.turns)
    reading = cut_query(turns)
    fields = request.tools[0].fields if request.tools else request.json_fields
    field = _label_field(fields)
    prepared = prepare(reading.rest, field.choices if field else (), request.model)
    if prepared.prompt.labels:
        scores = prepared.score(reading.query)
        choice = _choose(scores, request)
        label = prepared.prompt.labels[choice]
        answer = _Answer(label, _confidence(scores, choice), is_label=True)
    else:
        answer = _Answer(suggest_from(reading.rest, reading.query), 0.5, is_label=False)
    return _formed(request, prepared, answer)


def fill_fields(
    fields: tuple[SchemaField, ...], main: SchemaField | None, text: str, confidence: float
) -> dict[str, Any]:
    """Values for a schema: `text` in its main field, plain values in others it requires."""
    values: dict[str, Any] = {}
    for field in fields:
        if field is main:
            values[field.name] = text
        elif field.required or "confidence" in field.name.lower():
            values[field.name] = _plain_value(field, text, confidence)
    return values


def _same_said(text: str) -> str:
    """The same words on the same lines, without differences in white space that say nothing."""
    text = text.replace("\r\n", "\n").expandtabs(2)
    lines = (_SPACES.sub(" ", line.rstrip()) for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def _label_field(fields: tuple[SchemaField, ...]) -> SchemaField | None:
    """The field the label goes into: one with choices, one named like it, else the first string."""
    strings = [f for f in fields if f.kind in ("string", "array")]
    by_choice = [f for f in strings if f.choices]
    by_name = [f for f in strings if _LABEL_FIELD.search(f.name)]
    required = [f for f in strings if f.required]
    return next(iter([*by_choice, *by_name, *required, *strings]), None)


def _plain_value(field: SchemaField, text: str, confidence: float) -> Any:
    if field.choices:
        return field.choices[0]
    if field.kind in ("number", "integer"):
        return round(confidence, 2) if field.kind == "number" else round(100 * confidence)
    if field.kind == "boolean":
        return confidence >= 0.5
    if field.kind in ("array", "object"):
        return [text] if field.kind == "array" else {}
    return f"The wording is closest to {text}."


def _choose(scores: Scores, request: ChatRequest) -> int:
    if request.temperature <= 0:
        return int(np.argmax(scores))
    weights = np.exp((scores - scores.max()) / (_SHARPNESS * request.temperature))
    # The seed of a request is its own; a shared generator would tie replies to their order.
    draw = random.Random(request.seed).random() * float(weights.sum())
    return min(int(np.searchsorted(np.cumsum(weights), draw)), len(scores) - 1)


def _confidence(scores: Scores, choice: int) -> float:
    weights = np.exp((scores - scores.max()) / _SHARPNESS)
    return float(weights[choice] / weights.sum())


def _formed(request: ChatRequest, prepared: PreparedPrompt, answer: _Answer) -> Reply:
    text = answer.text
    if request.tools:
        tool = request.tools[0]
        main = _label_field(tool.fields)
        values = fill_fields(tool.fields, main, text, answer.confidence)
        return Reply(None, tool.name, json.dumps(values))
    output = prepared.prompt.output
    if request.json_fields:
        main = _label_field(request.json_fields)
        values = fill_fields(request.json_fields, main, text, answer.confidence)
        return Reply(json.dumps(values))
    if request.wants_json or output.json_key:
        return Reply(json.dumps({output.json_key or "intent": text}))
    if output.label_only or not answer.is_label:
        return Reply(text)
    spoken = text.replace("_", " ").strip("?")
    return Reply(f"It seems the customer is asking about {spoken}, so that is how I would sort it.")
