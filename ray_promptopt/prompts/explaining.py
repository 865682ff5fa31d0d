"""What would be replaced in a call, message by message, and why or why not. For people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.demonstrations import examples_for
from ray_promptopt.prompts.learning import LearnedMessage, LearnedStage
from ray_promptopt.prompts.substitution import found_in, replacement


@dataclass(frozen=True, slots=True)
class MessageFate:
    """One message of a call, one that the baseline has and the call has not, or one `put_in`.

    `after` is None where the message stays as it is; `problem` is why the call is refused.
    """

    index: int
    role: str
    components: tuple[str, ...]
    before: str
    after: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    put_in: bool = False

    @property
    def reason(self) -> str:
        """In words."""
        if self.problem is not None:
            return f"refused: {self.problem}"
        if self.put_in:
            return "put in: a demonstration of the candidate"
        if not self.components:
            return "passed as it is: no part of the baseline's prompt"
        named = "component" if len(self.components) == 1 else "components"
        named += f" {', '.join(map(repr, self.components))}"
        if self.after == self.before:
            say = "says" if len(self.components) == 1 else "say"
            return f"{named} {say} what the baseline says"
        kept = f", its data kept: {', '.join(self.data)}" if self.data else ""
        return f"replaced by {named}{kept}"


def explain_substitution(
    messages: Sequence[ChatMessage], stage: LearnedStage, candidate: Candidate
) -> tuple[MessageFate, ...]:
    """Every message in order. The call is sent only when none has a problem."""
    touched = [_fate(messages, part, candidate) for part in stage.components]
    known = {fate.index: fate for fate in touched if fate.index < len(messages)}
    fates = [
        known.get(index, MessageFate(index, message.role, (), message.content))
        for index, message in enumerate(messages)
    ]
    fates += [fate for fate in touched if fate.index >= len(messages)]
    examples = examples_for(messages, candidate, stage.name)
    fates[examples.place : examples.place] = [
        MessageFate(examples.place, turn.role, (), "", turn.content, put_in=True)
        for turn in examples.turns
    ]
    return tuple(fates)


def _fate(
    messages: Sequence[ChatMessage], part: LearnedMessage, candidate: Candidate
) -> MessageFate:
    """A message that is sought and is nowhere stands behind all others."""
    names = tuple(slot.component for slot in part.slots)
    index = len(messages) if part.index is None else part.index
    try:
        found = found_in(messages, part)
        index = found.place
        after = replacement(part, candidate, found.values)
    except SubstitutionError as error:
        present = index < len(messages)
        role = messages[index].role if present else part.role
        before = messages[index].content if present else ""
        return MessageFate(index, role, names, before, problem=str(error))
    before = messages[index].content
    return MessageFate(index, part.role, names, before, after, found.values)
