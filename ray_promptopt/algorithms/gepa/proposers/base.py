"""The contract of a proposer: a request in, the messages for the reflection model out."""

from typing import Protocol

from ray_promptopt.algorithms.gepa.proposers.requests import MergeRequest, ReflectionRequest
from ray_promptopt.core.messages import ChatMessage


class Proposer(Protocol):
    """Words requests. Equal requests give equal messages; every reply is read by
    `parsing.parse_reflection`, so every prompt asks for one fenced block."""

    def reflect(self, request: ReflectionRequest) -> tuple[ChatMessage, ...]:
        """Ask for a better text, from examples with feedback and edits that failed."""
        ...

    def merge(self, request: MergeRequest) -> tuple[ChatMessage, ...]:
        """Ask for one text that keeps the fix of every edit."""
        ...

    def variant(
        self, component: str, current_text: str, required: tuple[str, ...], number: int
    ) -> tuple[ChatMessage, ...]:
        """Ask for another version without any evidence; each number asks for another angle."""
        ...
