"""How texts are put into a prompt: between fences or tags, and cut to a length."""

import re

_MARK = " [… {:,} characters cut …] "


def fenced(text: str, language: str = "") -> str:
    """The text between fences that no fence inside it can close."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def tagged(tag: str, text: str) -> str:
    """The text between an opening and a closing tag, a line each."""
    return f"<{tag}>\n{text.strip()}\n</{tag}>"


def cut_middle(text: str, max_chars: int) -> str:
    """The text, or its two ends around a mark that says how much is left out."""
    if len(text) <= max_chars:
        return text
    kept = max_chars - len(_MARK.format(len(text)))
    if kept < 2:
        return text[: max(0, max_chars - 1)] + "…" * min(1, max_chars)
    mark = _MARK.format(len(text) - kept)
    head = (kept + 1) // 2
    return text[:head] + mark + text[len(text) - (kept - head) :]
