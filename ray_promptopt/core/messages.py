"""Chat messages as the search sees them: a role and its text."""

from dataclasses import dataclass

INSTRUCTING = ("system", "developer")
"""The roles that speak for the app, not for its user."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message. Content parts are joined into text before they get here."""

    role: str
    content: str
