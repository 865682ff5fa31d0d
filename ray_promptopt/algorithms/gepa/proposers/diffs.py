"""What an edit changed, as lines that begin with `-` and `+`, without their surroundings."""

from difflib import SequenceMatcher

_LONG_LINE_CHARS = 200
_KEPT_CHARS = 60  # of a long line's beginning, so that one sees which line it is


def compact_diff(old: str, new: str, *, trims_lines: bool = False) -> str:
    """Removed and added lines in order; `Pick.` to `Pick one.` gives `- Pick.` and `+ Pick one.`

    `trims_lines`: of a long line that was changed in one place, only that place is shown.
    """
    before, after = old.strip().splitlines(), new.strip().splitlines()
    lines: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        removed, added = before[i1:i2], after[j1:j2]
        if trims_lines and len(removed) == len(added):
            pairs = [_trimmed(a, b) for a, b in zip(removed, added, strict=True)]
            removed, added = [a for a, _ in pairs], [b for _, b in pairs]
        lines += [f"- {line}" for line in removed if line.strip()]
        lines += [f"+ {line}" for line in added if line.strip()]
    return "\n".join(lines)


def _trimmed(old: str, new: str) -> tuple[str, str]:
    """Two versions of a long line, with little of what they share."""
    if max(len(old), len(new)) <= _LONG_LINE_CHARS:
        return old, new
    start = _num_shared(old, new)
    end = min(_num_shared(old[::-1], new[::-1]), min(len(old), len(new)) - start)
    return _around_change(old, start, end), _around_change(new, start, end)


def _num_shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _around_change(line: str, start: int, end: int) -> str:
    """The line with its first `start` and last `end` characters cut short."""
    head, tail = line[:start], line[len(line) - end :]
    if len(head) > 2 * _KEPT_CHARS:
        head = f"{head[:_KEPT_CHARS]} … {head[-_KEPT_CHARS:]}"
    if len(tail) > _KEPT_CHARS:
        tail = f"{tail[:_KEPT_CHARS]} …"
    return head + line[start : len(line) - end] + tail
