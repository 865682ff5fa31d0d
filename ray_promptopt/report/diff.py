"""A word diff of two prompts as HTML. Pure."""

import re
from difflib import SequenceMatcher
from html import escape

_TOKEN = re.compile(r"\s+|[^\s]+")


def diff_html(before: str, after: str) -> str:
    """`after`, with what it adds in `<ins>` and what it dropped in `<del>`; all text escaped."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    parts: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed, added = escape("".join(old[a:b])), escape("".join(new[c:d]))
        if tag == "equal":
            parts.append(added)
            continue
        if removed.strip():
            parts.append(f"<del>{removed}</del>")
        if added:
            parts.append(f"<ins>{added}</ins>" if added.strip() else added)
    return "".join(parts)
