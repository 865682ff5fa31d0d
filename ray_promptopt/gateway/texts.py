"""The text in a message's content: a string, or parts of which some are text."""

from collections.abc import Mapping
from typing import Any

MOST_MESSAGES = 1000


def text_of(content: Any) -> str:
    """All of its text; the empty string where there is none."""
    if isinstance(content, str):
        return whole_text(content)
    if not isinstance(content, list):
        return ""
    return whole_text("".join(part["text"] for part in content if _is_text(part)))


def with_text(content: Any, text: str) -> Any:
    """The same shape of content: parts that are not text keep their places."""
    if not isinstance(content, list):
        return text
    parts: list[Any] = []
    placed = False
    for part in content:
        if not _is_text(part):
            parts.append(part)
        elif not placed:
            parts.append({**part, "text": text})
            placed = True
    return parts


def whole_text(text: str) -> str:
    """The text with a `?` for each half of a character: JSON may escape what UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str)
