"""What a reflection prompt asks for, read from its words alone, whatever its layout.

The current text is the first fenced block. A line that speaks of rejected or of verified edits
opens a part; what stands there counts as such until another line opens another part. Edits may be
shown as whole texts between fences, or as lines that begin with `+` and `-`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from benchmarks.simulation.tokens import Token, read_tokens

_FENCE = re.compile(r"^ {0,3}(`{3,})([^`]*)$")
_REJECTED = re.compile(
    r"reject|(?:did|do|does)(?: not|n't) (?:help|repeat|improve)|no better", re.I
)
_EDITS = re.compile(r"\b(?:verified|edits?|revisions?|merge)\b", re.I)
_VERIFIED = re.compile(r"\bverified\b", re.I)
_NEW_PART = re.compile(r"^#{1,2} |\bexamples?\b", re.I)
_HEADING = re.compile(r"^(#+) ")
_PLAIN = 7  # the level of a part that a line without # opens: below every heading

MISSING = "the answer needs"
MISLED = "the assistant was misled by"
_WANTED = re.compile(rf"{MISSING} (rule\d+)")
_BLAMED = re.compile(rf"{MISLED} (rule\d+x\d+)")


class _Part(Enum):
    EVIDENCE = auto()
    VERIFIED = auto()
    REJECTED = auto()


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """The text to be rewritten, and what the prompt says about it."""

    current: str
    wanted: tuple[Token, ...]
    """Lessons that failed examples lack."""
    blamed: tuple[Token, ...]
    """Tokens that broke examples."""
    verified: tuple[tuple[Token, ...], ...]
    """Tokens that each verified edit adds to the current text; empty in a reflection."""
    rejected: frozenset[str]
    """Words that were tried on this text without success."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A fenced block, or one line outside of fences."""

    part: _Part
    text: str
    is_fenced: bool

    def added(self, known: frozenset[str]) -> tuple[Token, ...]:
        """The tokens of a diff's added lines; of a whole text, those that are not known."""
        lines = self.text.splitlines()
        added = [line for line in lines if line.startswith("+ ")]
        if added or all(line.startswith("- ") for line in lines):
            return read_tokens("\n".join(added))
        tokens = read_tokens(self.text) if self.is_fenced else ()
        return tuple(token for token in tokens if token.word not in known)


def read_prompt(prompt: str) -> ReadPrompt:
    """Read the whole prompt, all messages joined."""
    blocks = list(_blocks(prompt))
    first = next((block for block in blocks if block.is_fenced), None)
    current = first.text if first else ""
    others = [block for block in blocks if block is not first]
    known = frozenset(token.word for token in read_tokens(current))
    believed = "\n".join(block.text for block in others if block.part is not _Part.REJECTED)
    edits = [
        block.added(known)
        for block in others
        if block.part is _Part.VERIFIED and (block.is_fenced or block.text.startswith("+ "))
    ]
    refused = [block.added(known) for block in others if block.part is _Part.REJECTED]
    return ReadPrompt(
        current=current,
        wanted=read_tokens(" ".join(_WANTED.findall(believed))),
        blamed=read_tokens(" ".join(_BLAMED.findall(believed))),
        verified=tuple(edit for edit in edits if edit),
        rejected=frozenset(token.word for edit in refused for token in edit),
    )


def _blocks(prompt: str) -> Iterator[_Block]:
    """Fenced blocks and the lines between them, each with the part it stands in."""
    part, level = _Part.EVIDENCE, _PLAIN
    fenced: list[str] = []
    fence = ""
    for line in prompt.splitlines():
        mark = _FENCE.match(line)
        if fence:
            if mark and mark.group(1) >= fence and not mark.group(2).strip():
                yield _Block(part, "\n".join(fenced), is_fenced=True)
                fence, fenced = "", []
            else:
                fenced.append(line)
        elif mark:
            fence = mark.group(1)
        else:
            part, level = _next_part(part, level, line)
            yield _Block(part, line, is_fenced=False)


def _next_part(part: _Part, level: int, line: str) -> tuple[_Part, int]:
    """The part that this line stands in, and the level of the heading that opened it."""
    if line.startswith("</"):
        return _Part.EVIDENCE, _PLAIN
    heading = _HEADING.match(line)
    own = len(heading.group(1)) if heading else _PLAIN
    if _REJECTED.search(line):
        return _Part.REJECTED, min(own, level) if part is _Part.REJECTED else own
    if part is _Part.REJECTED and not _leaves_rejected(line, own, level):
        return part, level
    if _EDITS.search(line):
        return _Part.VERIFIED, own
    return (_Part.EVIDENCE, own) if _NEW_PART.search(line) else (part, level)


def _leaves_rejected(line: str, own: int, level: int) -> bool:
    """A heading of the same level ends the rejected edits; so does talk of verified ones where
    no heading opened them."""
    if level == _PLAIN:
        return own < _PLAIN or bool(_VERIFIED.search(line))
    return own <= level
