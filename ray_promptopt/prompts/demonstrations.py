"""Demonstrations as the model sees them: turns of the conversation, or a block of text."""

from collections.abc import Sequence

from ray_promptopt.core.demos import Demo
from ray_promptopt.core.messages import ChatMessage

_HEADING = "Here are examples of inputs and the right answers:"


def demos_as_messages(demos: Sequence[Demo]) -> tuple[ChatMessage, ...]:
    """A user and an assistant turn per demonstration, to stand before the call's own user turn."""
    return tuple(
        message
        for demo in demos
        for message in (
            ChatMessage("user", demo.inputs),
            ChatMessage("assistant", demo.output),
        )
    )


def demos_as_text(demos: Sequence[Demo]) -> str:
    """A block to stand behind an instruction; empty when there are no demonstrations."""
    if not demos:
        return ""
    blocks = [
        f"Example {number}\nInput: {demo.inputs.strip()}\nOutput: {demo.output.strip()}"
        for number, demo in enumerate(demos, 1)
    ]
    return "\n\n".join([_HEADING, *blocks])
