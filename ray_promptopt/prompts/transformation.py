"""A candidate as a change of the baseline's messages: replacements, each for the messages of one
role, and examples put in behind a role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.demonstrations import Examples, examples_for
from ray_promptopt.prompts.learning import LearnedStage
from ray_promptopt.prompts.template import Template


@dataclass(frozen=True, slots=True)
class TextReplacement:
    """`old_text` None replaces whole messages; a `position` restricts it to one message."""

    new_text: str
    old_text: str | None = None
    role: str = "system"
    position: int | None = None

    def apply(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """Raises SubstitutionError when there is nothing to replace: half a change is none."""
        changed = list(messages)
        hits = 0
        for index, message in enumerate(messages):
            if message.role != self.role or self.position not in (None, index):
                continue
            text = self._replaced(message.content)
            if text is not None:
                hits += 1
                changed[index] = ChatMessage(message.role, text)
        if not hits:
            raise SubstitutionError(f"no {self.role} message of the call holds the text to replace")
        return changed

    def _replaced(self, content: str) -> str | None:
        if self.old_text is None:
            return self.new_text
        if self.old_text in content:
            return content.replace(self.old_text, self.new_text)
        old = Template.declared(self.old_text)
        span = old.find(content)
        values = old.match(content[span.start : span.end]) if span is not None else None
        if span is None or values is None:
            return None
        new = Template(self.new_text, old.wildcards).render(values)
        return content[: span.start] + new + content[span.end :]


@dataclass(frozen=True, slots=True)
class ExampleInjection:
    """Examples that go in behind the first messages of a role; None: before all messages."""

    examples: tuple[ChatMessage, ...]
    after_role: str | None = "system"

    def apply(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """Raises SubstitutionError when the call has no message of that role."""
        place = self._place(messages) if self.after_role is not None else 0
        return [*messages[:place], *self.examples, *messages[place:]]

    def _place(self, messages: Sequence[ChatMessage]) -> int:
        place = 0
        for role, run in groupby(messages, key=lambda message: message.role):
            place += len(list(run))
            if role == self.after_role:
                return place
        raise SubstitutionError(f"the call has no {self.after_role} message to add examples to")


@dataclass(frozen=True, slots=True)
class Transformation:
    """Replacements first, then examples; each in order."""

    replacements: tuple[TextReplacement, ...] = ()
    injections: tuple[ExampleInjection, ...] = ()

    @classmethod
    def between(cls, stage: LearnedStage, candidate: Candidate) -> "Transformation":
        """What turns a stage's messages into the candidate's; empty for the baseline's own."""
        texts = candidate.texts
        examples = examples_in(stage, candidate)
        after = stage.messages[examples.place - 1].role if examples.place else None
        replacements = [
            TextReplacement(texts[slot.component], slot.text, part.role, part.index)
            for part in stage.components
            for slot in part.slots
            if texts[slot.component] != slot.text
        ]
        injections = (ExampleInjection(examples.turns, after),) if examples.turns else ()
        return cls(tuple(replacements), injections)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Transformation":
        """From the wire's shape. Raises KeyError or TypeError on another."""
        return cls(
            tuple(
                TextReplacement(
                    str(one["new_text"]),
                    one.get("old_text"),
                    one.get("apply_to_role") or "system",
                    one.get("position"),
                )
                for one in raw.get("text_replacements") or ()
            ),
            tuple(
                ExampleInjection(
                    tuple(ChatMessage(str(e["role"]), str(e["content"])) for e in one["examples"]),
                    one.get("insert_after_role", "system"),
                )
                for one in raw.get("example_injections") or ()
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """In the wire's shape."""
        return {
            "text_replacements": [
                {
                    "old_text": one.old_text,
                    "new_text": one.new_text,
                    "apply_to_role": one.role,
                    "position": one.position,
                }
                for one in self.replacements
            ],
            "example_injections": [
                {
                    "examples": [{"role": e.role, "content": e.content} for e in one.examples],
                    "insert_after_role": one.after_role,
                }
                for one in self.injections
            ],
        }

    def apply(self, messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        """All of it or, with a SubstitutionError, nothing."""
        changed = list(messages)
        steps: tuple[TextReplacement | ExampleInjection, ...]
        steps = (*self.replacements, *self.injections)
        for step in steps:
            changed = step.apply(changed)
        return tuple(changed)


def examples_in(stage: LearnedStage, candidate: Candidate) -> Examples:
    """The candidate's examples, and their place among the messages of the baseline."""
    learned = [ChatMessage(part.role, part.template.text) for part in stage.messages]
    return examples_for(learned, candidate, stage.name)
