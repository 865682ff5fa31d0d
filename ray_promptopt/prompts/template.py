"""A text with named wildcards: matched against a real message, rendered with its data.

There is no escape: `{name}` is a wildcard only where `name` is one of the template's wildcards,
so JSON and other braces in prompts stay what they are.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

_NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def names_in(text: str) -> tuple[str, ...]:
    """Every `{name}` of a text, in order of first appearance."""
    return tuple(dict.fromkeys(_NAMED.findall(text)))


class Span(NamedTuple):
    """A part of a text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """`text` in which the given wildcards stand for data; any other brace is literal."""

    text: str
    wildcards: tuple[str, ...] = ()

    @classmethod
    def declared(cls, text: str) -> "Template":
        """Every `{name}` of the text is a wildcard."""
        return cls(text, names_in(text))

    @property
    def pieces(self) -> list[str]:
        """Literals at even positions, wildcard names at odd ones."""
        pieces = [""]
        end = 0
        for found in _NAMED.finditer(self.text):
            if found[1] not in self.wildcards:
                continue
            pieces[-1] = self.text[end : found.start()]
            pieces += [found[1], ""]
            end = found.end()
        pieces[-1] = self.text[end:]
        return pieces

    @property
    def static_text(self) -> str:
        """The text without its wildcards."""
        return "".join(self.pieces[::2])

    def match(self, message: str) -> dict[str, str] | None:
        """The data in a message; None when the static text is not all there, in this order.

        Anchored at both ends; a wildcard takes as little as it can. A name that stands twice must
        stand for the same text. Linear in the message for each literal.
        """
        pieces = self.pieces
        literals, names = pieces[::2], pieces[1::2]
        if not names:
            return {} if message == self.text else None
        first, last = literals[0], literals[-1]
        end = len(message) - len(last)
        if not message.startswith(first) or not message.endswith(last) or end < len(first):
            return None
        values: dict[str, str] = {}
        position = len(first)
        for name, literal in zip(names, [*literals[1:-1], None], strict=True):
            found = end if literal is None else message.find(literal, position, end)
            if (
                found < 0
                or values.setdefault(name, message[position:found]) != (message[position:found])
            ):
                return None
            position = found + len(literal or "")
        return values

    def find(self, text: str, start: int = 0) -> Span | None:
        """Where it first stands in a text from `start` on; None when it does not.

        A wildcard at its beginning takes all from `start`, one at its end all that follows.
        """
        literals = self.pieces[::2]
        begin = text.find(literals[0], start)
        while begin >= 0:
            place = begin + len(literals[0])
            for literal in literals[1:]:
                found = text.find(literal, place) if literal else len(text)
                if found < 0:
                    return None
                place = found + len(literal)
            values = Template(self.text, self.wildcards).match(text[begin:place])
            if values is not None:
                return Span(begin, place)
            begin = text.find(literals[0], begin + 1) if literals[0] else -1
        return None

    def render(self, values: Mapping[str, str]) -> str:
        """The text with every wildcard replaced. Raises KeyError on a wildcard without a value."""
        pieces = self.pieces
        return "".join(
            values[piece] if position % 2 else piece for position, piece in enumerate(pieces)
        )


def unused_name(texts: Iterable[str], number: int) -> str:
    """`data_1` or the next such name that stands in none of the texts."""
    joined = "\n".join(texts)
    while f"{{data_{number}}}" in joined:
        number += 1
    return f"data_{number}"
