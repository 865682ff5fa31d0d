"""What a simulated prompt says: lesson tokens in a text.

`rule7` teaches lesson 7; `rule7x3` teaches it too, in a form so broad that it breaks other
examples; `note12` teaches nothing. Everything else in a text is scenery.
"""

import re
from typing import NamedTuple

_TOKEN = re.compile(r"\b(?:rule(?P<lesson>\d+)(?:x(?P<form>\d+))?|note\d+)\b")


class Token(NamedTuple):
    """One token of a text. `lesson` is None for a note, `form` 0 for the clean form."""

    word: str
    lesson: int | None
    form: int

    @property
    def is_broad(self) -> bool:
        """Whether it breaks examples that it is not about."""
        return self.form > 0


def read_tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text, each once, in the order of their first mention."""
    found: dict[str, Token] = {}
    for match in _TOKEN.finditer(text):
        lesson, form = match.group("lesson"), match.group("form")
        word = match.group(0)
        found.setdefault(word, Token(word, int(lesson) if lesson else None, int(form or 0)))
    return tuple(found.values())


def clean(lesson: int) -> str:
    """The word that teaches a lesson and does no harm."""
    return f"rule{lesson}"


def broad(lesson: int, form: int) -> str:
    """A word that teaches a lesson and breaks other examples; forms count from 1."""
    return f"rule{lesson}x{form}"


def note(number: int) -> str:
    """A word that teaches nothing."""
    return f"note{number}"
