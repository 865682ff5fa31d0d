"""Scores a text against the criteria of a rubric: how much of each criterion's words it meets."""

import json
import re
from typing import Any

from ray_promptopt.llm.embedded.requests import SchemaField
from ray_promptopt.llm.embedded.text import STOP_STEMS, stems_of
from ray_promptopt.llm.embedded.writer.sections import find_sections

_CRITERION = re.compile(
    r"^\s*(?:[-*•]|\d+[.)])\s+[*`\"]*(?P<name>[^:*`\"\n—]{1,80})[*`\"]*"
    r"(?:\s*\((?:weight|w)[ :=]*(?P<weight>[\d.]+)\))?(?:\s*[:—-]\s*(?P<about>[^\n]*))?$",
    re.IGNORECASE | re.MULTILINE,
)
_TEXT_NAME = re.compile(
    r"response|answer|output|text|completion|transcript|trajectory|submission", re.IGNORECASE
)
_RUBRIC_NAME = re.compile(r"rubric|criteri", re.IGNORECASE)
_LINE_TEXT = re.compile(
    r"^[ \t]*(?:the )?(?:response|answer|output|text|completion)[ \t]*:[ \t]*(?P<text>.+)$",
    re.IGNORECASE | re.MULTILINE,
)
_NEGATIVE = re.compile(r"\b(?:no|not|never|avoid|without)\b", re.IGNORECASE)
_ENOUGH = 0.5


def judge(prompt: str, fields: tuple[SchemaField, ...], *, wants_json: bool) -> str:
    """The judgement; JSON when the request or the prompt asks for it."""
    text, rest = _judged_text(prompt)
    criteria = [
        (match["name"].strip(), f"{match['name']} {match['about'] or ''}", _weight(match["weight"]))
        for match in _CRITERION.finditer(rest)
    ]
    scores = {name: round(_met(about, text), 3) for name, about, _ in criteria}
    total = sum(weight for _, _, weight in criteria)
    overall = sum(weight * scores[name] for name, _, weight in criteria) / total if total else 0.0
    if not criteria:
        overall = 0.5 if text.strip() else 0.0
    weakest = min(scores, key=lambda name: scores[name], default="")
    reason = f"Weakest on: {weakest}." if weakest else "No criteria were given."
    if fields:
        return json.dumps({f.name: _value(f, overall, scores, reason) for f in fields})
    if wants_json or re.search(r"\bJSON\b", prompt):
        verdict = {"score": round(overall, 3), "criteria": scores, "reason": reason}
        return json.dumps(verdict)
    lines = [f"{name}: {score:.2f}" for name, score in scores.items()]
    return "\n".join([*lines, f"Score: {overall:.2f}", reason])


def _judged_text(prompt: str) -> tuple[str, str]:
    """The text to judge, and the prompt without it."""
    for section in find_sections(prompt):
        intro = section.intro.strip().splitlines()[-1:] or [""]
        if _TEXT_NAME.search(intro[0]) and not _RUBRIC_NAME.search(intro[0]):
            return section.body, prompt[: section.start] + prompt[section.end :]
    lines = list(_LINE_TEXT.finditer(prompt))
    if lines:
        line = lines[-1]
        return line["text"], prompt[: line.start()] + prompt[line.end() :]
    return prompt.rsplit("\n\n", 1)[-1], prompt


def _met(criterion: str, text: str) -> float:
    """The share of the criterion's words the text speaks to; turned round for what is forbidden."""
    wanted = {s for s in stems_of(criterion) if s not in STOP_STEMS}
    said = set(stems_of(text))
    if not said:
        return 0.0
    if not wanted:
        return _ENOUGH
    share = len(wanted & said) / len(wanted)
    if _NEGATIVE.search(criterion):
        return 1.0 - share
    substance = min(1.0, len(said) / 12)
    return min(1.0, 0.25 * substance + 0.75 * min(1.0, share / _ENOUGH))


def _weight(value: str | None) -> float:
    try:
        return float(value) if value else 1.0
    except ValueError:
        return 1.0


def _value(field: SchemaField, overall: float, scores: dict[str, float], reason: str) -> Any:
    if field.kind in ("number", "integer"):
        score = scores.get(field.name, overall)
        return round(score, 3) if field.kind == "number" else round(10 * score)
    if field.kind == "boolean":
        return overall >= _ENOUGH
    if field.kind == "object":
        return scores
    if field.kind == "array":
        return [{"name": name, "score": score} for name, score in scores.items()]
    return reason
