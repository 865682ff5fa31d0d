"""Reads edits out of a prompt: diffs to be merged, and edits that were rejected."""

import re
from dataclasses import dataclass

from ray_promptopt.llm.embedded.text import stems_of

_QUOTED = re.compile(r"[\"“]([^\"”\n]{1,80})[\"”]")
_EDIT_MARK = re.compile(r"^Edit \d+:[^\n]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Edit:
    """The lines that an edit removed and added."""

    removed: tuple[str, ...]
    added: tuple[str, ...]


def read_diff(text: str) -> Edit:
    """Lines that begin with `-` or `+` and a space; all others are surroundings."""
    lines = text.splitlines()
    return Edit(
        tuple(line[2:] for line in lines if line.startswith("- ")),
        tuple(line[2:] for line in lines if line.startswith("+ ")),
    )


def read_rejected(text: str) -> list[Edit]:
    """The edits of a part on rejected ones, one under each mark `Edit 1: …`."""
    found = [read_diff(chunk) for chunk in _EDIT_MARK.split(text)[1:]]
    return [edit for edit in found if edit.added or edit.removed]


def cues_of(edits: list[Edit], text: str) -> frozenset[tuple[str, ...]]:
    """Stems of the cues that the edits brought in; of all cues of the text when it has no diffs."""
    if not edits:
        return frozenset(tuple(stems_of(cue)) for cue in _QUOTED.findall(text))
    return frozenset(
        tuple(stems_of(cue))
        for edit in edits
        for cue in set(_quoted(edit.added)) - set(_quoted(edit.removed))
    )


def _quoted(lines: tuple[str, ...]) -> list[str]:
    return [cue for line in lines for cue in _QUOTED.findall(line)]
