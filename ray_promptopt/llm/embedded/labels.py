"""Finds the list of labels a request offers: in a schema, under a heading, or in a sentence."""

import re
from dataclasses import dataclass

_HEADING = re.compile(
    r"(?:intents?|labels?|categor(?:y|ies)|classes|options|choices|topics|departments?|tags)\b"
    r"[^\n:]{0,60}:[ \t*]*(?P<rest>[^\n]*)$",
    re.IGNORECASE,
)
_ITEM = re.compile(r"^\s*(?:\d{1,3}[.)]|[-*•])\s+(?P<text>\S.*?)\s*$")
_DESCRIBED = re.compile(r"\s*(?::\s|\s[-—–]\s|\s?->|\s?→|\s?=\s)")  # noqa: RUF001
_QUOTES = "`'\"*“” "
_MAX_LABEL_WORDS = 7
_MIN_LABELS = 2


@dataclass(frozen=True, slots=True)
class LabelBlock:
    """The labels of one list and the lines (by number, in its text) that hold nothing else."""

    labels: tuple[str, ...]
    lines: frozenset[int]


def find_label_block(text: str) -> LabelBlock:
    """The longest list under a heading that names labels; else the longest of identifiers."""
    lines = text.split("\n")
    best = LabelBlock((), frozenset())
    for number, line in enumerate(lines):
        heading = _HEADING.search(line)
        if heading is None:
            continue
        block = _inline(heading["rest"], number) or _list_from(lines, number + 1)
        if block is not None and len(block.labels) >= len(best.labels):
            best = block
    return best if best.labels else _longest_bare_list(lines)


def _inline(rest: str, number: int) -> LabelBlock | None:
    parts = [_clean(part) for part in re.split(r"[,;|]|\bor\b", rest.rstrip(". "))]
    labels = tuple(dict.fromkeys(part for part in parts if part))
    if len(labels) < _MIN_LABELS or any(len(label.split()) > 3 for label in labels):
        return None
    return LabelBlock(labels, frozenset((number,)))


def _list_from(lines: list[str], start: int) -> LabelBlock | None:
    """The list that begins at `start`, after blank lines; plain identifiers need no bullet."""
    labels: dict[str, None] = {}
    bare: set[int] = set()
    for number in range(start, len(lines)):
        line = lines[number]
        if not line.strip():
            if labels:
                break
            continue
        item = _ITEM.match(line)
        text = item["text"] if item else line.strip()
        label = _label_of(text)
        if label is None or (item is None and not _is_identifier(label)):
            if labels and line[:1] in " \t":
                continue
            break
        labels[label] = None
        if _clean(text) == label:
            bare.add(number)
    return LabelBlock(tuple(labels), frozenset(bare)) if len(labels) >= _MIN_LABELS else None


def _longest_bare_list(lines: list[str]) -> LabelBlock:
    best = LabelBlock((), frozenset())
    number = 0
    while number < len(lines):
        item = _ITEM.match(lines[number])
        block = None
        if item and _is_identifier(_clean(item["text"])):
            block = _list_from(lines, number)
        if block is not None and len(block.labels) > len(best.labels):
            best = block
        number += len(block.labels) if block is not None else 1
    return best


def _label_of(text: str) -> str | None:
    """The label an item begins with: all of it, or what stands before its description."""
    head = _clean(_DESCRIBED.split(text, maxsplit=1)[0])
    words = len(head.split())
    return head if head and words <= _MAX_LABEL_WORDS and (words == 1 or head == text) else None


def _clean(text: str) -> str:
    return text.strip().strip(_QUOTES).strip()


def _is_identifier(text: str) -> bool:
    return bool(text) and " " not in text and not text.endswith((".", ":", ","))
