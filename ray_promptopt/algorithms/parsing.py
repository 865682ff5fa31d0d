"""Reads the new text out of a reflection, strictly: what is not surely a whole text is refused.

The text is the content of exactly one closed fenced block. Fences inside it are part of it when
they carry an info string (```json) or are shorter than the outer fence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ray_promptopt.core.tokens import estimate_tokens

_WILDCARD = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)\}(?!\})")
_FENCE = re.compile(r"^ {0,3}(`{3,})([^`]*)$")


class RefusalReason(StrEnum):
    """Why a reflection cannot be used; discards are counted by it."""

    TRUNCATED = "truncated"
    UNFENCED = "unfenced"
    UNCLOSED = "unclosed"
    SEVERAL_BLOCKS = "several_blocks"
    TEXT_ON_FENCE = "text_on_fence"
    EMPTY = "empty"
    LOST_WILDCARD = "lost_wildcard"
    UNCHANGED = "unchanged"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply that cannot be used; `message` tells the model what to mend."""

    reason: RefusalReason
    message: str


@dataclass(frozen=True, slots=True)
class _Block:
    """A top-level fenced block; `last` is None while it is open."""

    first: int
    info: str
    last: int | None = None


def wildcards(text: str) -> tuple[str, ...]:
    """The `{name}` placeholders of a text, sorted; doubled braces and JSON are none."""
    return tuple(sorted({match.group(0) for match in _WILDCARD.finditer(text)}))


def parse_reflection(
    reply: str,
    *,
    truncated: bool,
    current_text: str,
    required: Sequence[str],
    max_tokens: int | None = None,
) -> str | Refusal:
    """The new text of a component, or why the reply holds none; `max_tokens` None: any length."""
    if truncated:
        return Refusal(RefusalReason.TRUNCATED, "it was cut off by the length limit; be shorter")
    text = _only_block(reply)
    if isinstance(text, Refusal):
        return text
    if not text:
        return Refusal(RefusalReason.EMPTY, "the block between the fences was empty")
    lost = [wildcard for wildcard in required if wildcard not in text]
    if lost:
        message = f"the new instructions lost the placeholders {', '.join(lost)}"
        return Refusal(RefusalReason.LOST_WILDCARD, message)
    if text == current_text.strip():
        message = "the new instructions were the same as the current ones"
        return Refusal(RefusalReason.UNCHANGED, message)
    num_tokens = estimate_tokens(text)
    if max_tokens is not None and num_tokens > max_tokens:
        message = (
            f"the new instructions had about {num_tokens} tokens, and at most {max_tokens} are "
            "allowed; shorten them"
        )
        return Refusal(RefusalReason.TOO_LONG, message)
    return text


def _only_block(reply: str) -> str | Refusal:
    lines = reply.splitlines()
    blocks = _top_level_blocks(lines)
    if not blocks:
        message = "it had no line of ``` before and after the new instructions"
        return Refusal(RefusalReason.UNFENCED, message)
    if blocks[-1].last is None:
        message = "the ``` block was not closed by a line of ``` alone"
        return Refusal(RefusalReason.UNCLOSED, message)
    if len(blocks) > 1:
        message = (
            f"it had {len(blocks)} fenced blocks where one is wanted; when the instructions hold "
            "fences themselves, put the whole between lines of ````"
        )
        return Refusal(RefusalReason.SEVERAL_BLOCKS, message)
    block = blocks[0]
    if len(block.info.split()) > 1:
        message = "the new instructions must begin on the line after the opening fence"
        return Refusal(RefusalReason.TEXT_ON_FENCE, message)
    return "\n".join(lines[block.first + 1 : block.last]).strip()


def _top_level_blocks(lines: Sequence[str]) -> list[_Block]:
    blocks: list[_Block] = []
    open_fences: list[int] = []
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        length, info = len(fence.group(1)), fence.group(2).strip()
        if not open_fences:
            blocks.append(_Block(number, info))
            open_fences.append(length)
        elif info:
            open_fences.append(length)
        elif length >= open_fences[-1]:
            open_fences.pop()
            if not open_fences:
                blocks[-1] = _Block(blocks[-1].first, blocks[-1].info, number)
    return blocks
