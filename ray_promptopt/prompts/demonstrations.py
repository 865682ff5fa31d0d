"""Demonstrations as the model sees them: turns of the conversation, or a block of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.messages import INSTRUCTING, ChatMessage

_HEADING = "Here are examples of inputs and the right answers:"


@dataclass(frozen=True, slots=True)
class Examples:
    """Turns that are put into a call, before its message number `place`."""

    turns: tuple[ChatMessage, ...] = ()
    place: int = 0


NO_EXAMPLES = Examples()


def examples_for(messages: Sequence[ChatMessage], candidate: Candidate, stage: str) -> Examples:
    """The candidate's demonstrations of a stage, behind the instructions that a call begins with.

    So they stand before everything that the call itself is about, its own history included.
    """
    instructions = takewhile(lambda message: message.role in INSTRUCTING, messages)
    demos = dict(candidate.demos).get(stage, ())
    return Examples(demos_as_messages(demos), len(list(instructions)))


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


def shown_texts(candidate: Candidate) -> dict[str, str]:
    """A candidate for reading: its texts, and a further text per stage with demonstrations."""
    shown = {f"demonstrations: {stage}": demos_as_text(demos) for stage, demos in candidate.demos}
    return {**candidate.texts, **shown}


def demos_as_text(demos: Sequence[Demo]) -> str:
    """A block to stand behind an instruction; empty when there are no demonstrations."""
    if not demos:
        return ""
    blocks = [
        f"Example {number}\nInput: {demo.inputs.strip()}\nOutput: {demo.output.strip()}"
        for number, demo in enumerate(demos, 1)
    ]
    return "\n\n".join([_HEADING, *blocks])


def without_demos(text: str) -> tuple[str, str]:
    """A text that may end in a block of demonstrations, and that block; empty: there is none."""
    instruction, heading, rest = text.partition(f"\n\n{_HEADING}\n\n")
    return instruction, f"{_HEADING}\n\n{rest}" if heading else ""
