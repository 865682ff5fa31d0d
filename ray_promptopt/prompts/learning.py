"""The baseline as the app really sends it: learned from recorded calls, checked against the TOML.

Components are the system and developer messages that hold static text; where a stage sends none,
the first message that does. All other messages are the app's own and are never touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import TypeAdapter

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import INSTRUCTING, ChatMessage
from ray_promptopt.core.stages import MAIN_STAGE, component_name
from ray_promptopt.prompts.common import learn_template
from ray_promptopt.prompts.template import Template


@dataclass(frozen=True, slots=True)
class DeclaredMessage:
    """One message of `initial_prompt.messages`."""

    role: str
    pattern: str
    order: int = 0


class PromptForm(StrEnum):
    """What of a call a candidate replaces, and how it is written down; see `forms.py`."""

    PATTERN = "pattern"
    TEMPLATE = "template"
    TRANSFORMATION = "transformation"


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a message's template that a candidate replaces; `text` as it stands there."""

    component: str
    text: str


@dataclass(frozen=True, slots=True)
class LearnedMessage:
    """The message at one position of every call, or of one role at any; its slots in order.

    Without slots it is the app's own, and never touched.
    """

    index: int | None
    role: str
    template: Template
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class LearnedStage:
    """One call of the app: its messages in order, and those that are `sought` wherever they are."""

    name: str
    messages: tuple[LearnedMessage, ...]
    sought: tuple[LearnedMessage, ...] = ()

    @property
    def components(self) -> tuple[LearnedMessage, ...]:
        """The messages that a candidate replaces, or replaces parts of."""
        return tuple(part for part in (*self.messages, *self.sought) if part.slots)

    @property
    def static_text(self) -> str:
        """What stands in every call, component or not."""
        return "\n".join(part.template.static_text for part in self.messages)


@dataclass(frozen=True, slots=True)
class LearnedBaseline:
    """Where the static text is. `notes` say, for people, how the declared prompt differs."""

    stages: tuple[LearnedStage, ...]
    notes: tuple[str, ...] = ()
    form: PromptForm = PromptForm.PATTERN

    @property
    def components(self) -> tuple[LearnedMessage, ...]:
        """The messages of all stages that a candidate replaces."""
        return tuple(part for stage in self.stages for part in stage.components)

    def initial_candidate(self) -> Candidate:
        """The baseline's own text, wildcards in place of data."""
        slots = [slot for part in self.components for slot in part.slots]
        return Candidate.of({slot.component: slot.text for slot in slots})

    def to_json(self) -> str:
        """For the journal and the gateway's bindings."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "LearnedBaseline":
        """The inverse of `to_json`."""
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(LearnedBaseline)


def learn_baseline(
    observed: Sequence[Sequence[ChatMessage]], declared: Sequence[DeclaredMessage] = ()
) -> LearnedBaseline:
    """Learn from the recorded calls of several baseline rollouts of an app with one stage.

    Raises SubstitutionError when nothing was recorded, when the calls do not have the same shape,
    or when they share no static text.
    """
    stage, notes = learn_stage(MAIN_STAGE, observed, declared)
    return LearnedBaseline((stage,), notes)


def learn_stage(
    name: str, observed: Sequence[Sequence[ChatMessage]], declared: Sequence[DeclaredMessage] = ()
) -> tuple[LearnedStage, tuple[str, ...]]:
    """One stage from its recorded calls, and notes on how the declared messages differ."""
    if not observed or not all(observed):
        raise SubstitutionError(
            "the task app called no model in the baseline rollouts: it must send its chat "
            "completions to policy.config.inference_url"
        )
    columns = list(zip(*observed, strict=False))
    _refuse_several_stages(observed, columns)
    by_role = _declared_by_position(declared)
    learned: list[LearnedMessage] = []
    notes: list[str] = []
    seen: dict[str, int] = {}
    components = message_names(name, [column[0].role for column in columns])
    for index, (column, component) in enumerate(zip(columns, components, strict=True)):
        role = column[0].role
        seen[role] = seen.get(role, 0) + 1
        pattern = by_role.get((role, seen[role]))
        template, note = _template([message.content for message in column], role, pattern)
        notes += note
        slots = (Slot(component, template.text),)
        learned.append(LearnedMessage(index, role, template, slots))
    return LearnedStage(name, _only_components_slotted(learned)), tuple(notes)


def message_names(stage: str, roles: Sequence[str]) -> list[str]:
    """What the text of each message is called: its role, numbered from the second of a role on."""
    names = []
    for place, role in enumerate(roles):
        number = roles[: place + 1].count(role)
        names.append(component_name(stage, role if number == 1 else f"{role}_{number}"))
    return names


def _refuse_several_stages(
    observed: Sequence[Sequence[ChatMessage]], columns: Sequence[tuple[ChatMessage, ...]]
) -> None:
    for index, column in enumerate(columns):
        roles = sorted({message.role for message in column})
        if len(roles) > 1:
            raise SubstitutionError(
                f"the app's calls differ: message {index} is sometimes {' or '.join(roles)}. "
                "Several stages are not one prompt: name them in "
                "initial_prompt.metadata.pipeline_modules"
            )
    instructing = {
        sum(message.role in INSTRUCTING for message in messages) for messages in observed
    }
    if len(instructing) > 1:
        raise SubstitutionError(
            f"the app's calls carry different numbers of system messages ({sorted(instructing)})"
        )


def _declared_by_position(declared: Sequence[DeclaredMessage]) -> dict[tuple[str, int], str]:
    positions: dict[tuple[str, int], str] = {}
    count: dict[str, int] = {}
    for message in sorted(declared, key=lambda message: message.order):
        count[message.role] = count.get(message.role, 0) + 1
        positions[message.role, count[message.role]] = message.pattern
    return positions


def _template(
    texts: Sequence[str], role: str, pattern: str | None
) -> tuple[Template, tuple[str, ...]]:
    if pattern is None:
        return learn_template(texts), ()
    declared = Template.declared(pattern)
    if all(declared.match(text) is not None for text in texts):
        return declared, ()
    note = (
        f"the {role} message of initial_prompt is not what the task app sends; "
        "the text that it really sends is the baseline"
    )
    return learn_template(texts), (note,)


def _only_components_slotted(learned: Sequence[LearnedMessage]) -> tuple[LearnedMessage, ...]:
    static = [part for part in learned if part.template.static_text.strip()]
    chosen = [part for part in static if part.role in INSTRUCTING] or static[:1]
    if not chosen:
        raise SubstitutionError(
            "the app's calls share no static text, so there is no prompt to optimise: give the app "
            "an instruction that is the same for every example"
        )
    names = {part.index for part in chosen}
    return tuple(part if part.index in names else replace(part, slots=()) for part in learned)
