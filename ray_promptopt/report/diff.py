"""Diffs of two prompts as HTML. Pure; all text is escaped here."""

import re
from difflib import SequenceMatcher
from html import escape

_WORD = re.compile(r"\s*\S+|\s+$")
_MAX_WORDS = 600
"""Beyond this, comparing the words of a passage would take seconds and say little."""


def diff_html(before: str, after: str, *, words: bool = True) -> str:
    """`after`, with what it adds in `<ins>` and what it dropped in `<del>`: by lines, and with
    `words` by words within lines that changed (a hundred times slower)."""
    # The last lines end like the others: more text after a line does not change that line.
    old, new = f"{before}\n".splitlines(keepends=True), f"{after}\n".splitlines(keepends=True)
    parts: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        removed, added = "".join(old[a:b]), "".join(new[c:d])
        if tag == "equal":
            parts.append(escape(added))
        elif tag == "replace" and words:
            parts.append(_by_words(removed, added))
        else:
            parts.append(_changed(removed, added))
    return "".join(parts)


def _by_words(before: str, after: str) -> str:
    old, new = _WORD.findall(before), _WORD.findall(after)
    if max(len(old), len(new)) > _MAX_WORDS:
        return _changed(before, after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.4:
        return _changed(before, after)
    return "".join(
        escape("".join(new[c:d]))
        if tag == "equal"
        else _changed("".join(old[a:b]), "".join(new[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
    )


def _changed(removed: str, added: str) -> str:
    gone = f"<del>{escape(removed)}</del>" if removed.strip() else ""
    # Whitespace alone is shown, not marked: an empty mark would be a speck on the page.
    come = f"<ins>{escape(added)}</ins>" if added.strip() else escape(added)
    return gone + come
