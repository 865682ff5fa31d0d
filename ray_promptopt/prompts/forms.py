"""What of an app's calls a candidate replaces, by the form of the prompt.

`pattern`: whole messages of instructions. `template`: named sections, of messages of any role.
`transformation`: passages, wherever in a message of their role they stand; the rest of the message
may be anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.common import MIN_WORDS, learn_template
from ray_promptopt.prompts.learning import (
    LearnedMessage,
    LearnedStage,
    PromptForm,
    Slot,
    message_names,
)
from ray_promptopt.prompts.template import Span, Template, unused_name

Calls = Sequence[Sequence[ChatMessage]]


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of a template, or a text that a transformation replaces.

    `position` restricts it to one message of the call.
    """

    name: str
    text: str
    role: str = "system"
    position: int | None = None


def formed(
    stage: LearnedStage, calls: Calls, form: PromptForm, passages: Sequence[Passage] = ()
) -> LearnedStage:
    """A stage that was learned in pattern form, in another one; `calls` are what it learned from.

    Without passages those of the form's own: all messages with static text for a template, every
    run of static text for a transformation. Raises SubstitutionError for one that calls lack.
    """
    match form:
        case PromptForm.PATTERN:
            return stage
        case PromptForm.TEMPLATE:
            messages = _sectioned(stage, calls, passages) if passages else _all_slots(stage)
            return replace(stage, messages=messages)
        case PromptForm.TRANSFORMATION:
            sought = passages or _static_passages(stage)
            messages = tuple(replace(part, slots=()) for part in stage.messages)
            return replace(stage, messages=messages, sought=_sought(calls, sought))


def _all_slots(stage: LearnedStage) -> tuple[LearnedMessage, ...]:
    names = message_names(stage.name, [part.role for part in stage.messages])
    return tuple(
        replace(part, slots=(Slot(name, part.template.text),))
        if part.template.static_text.strip()
        else part
        for part, name in zip(stage.messages, names, strict=True)
    )


def _sectioned(
    stage: LearnedStage, calls: Calls, sections: Sequence[Passage]
) -> tuple[LearnedMessage, ...]:
    """Each stands behind the sections of its role before it, in the same message or a later one."""
    held: list[list[Passage]] = [[] for _ in stage.messages]
    reached: dict[str, int] = {}
    for section in sections:
        places = (
            place
            for place, part in enumerate(stage.messages)
            if part.role == section.role
            and place >= reached.get(section.role, 0)
            and all(_spans(call[place].content, [*held[place], section]) for call in calls)
        )
        place = next(places, None)
        if place is None:
            raise _not_there("section", section)
        held[place].append(section)
        reached[section.role] = place
    return tuple(
        _around([call[place].content for call in calls], sections, learn_template, part)
        if sections
        else replace(part, slots=())
        for place, (part, sections) in enumerate(zip(stage.messages, held, strict=True))
    )


def _static_passages(stage: LearnedStage) -> list[Passage]:
    """The runs of static text of the components; the longest alone where all are short."""
    passages: list[Passage] = []
    for part in stage.components:
        name = part.slots[0].component
        runs = [text.strip() for text in part.template.pieces[::2] if text.strip()]
        long = [run for run in runs if len(run.split()) >= MIN_WORDS] or [max(runs, key=len)]
        for number, run in enumerate(long, 1):
            named = name if number == 1 else f"{name}_part_{number}"
            passages.append(Passage(named, run, part.role))
    return passages


def _sought(calls: Calls, passages: Sequence[Passage]) -> tuple[LearnedMessage, ...]:
    """Passages that stand in one message together are sought together."""
    together: dict[tuple[int, ...], list[Passage]] = {}
    for passage in passages:
        places = tuple(_place(call, passage) for call in calls)
        together.setdefault(places, []).append(passage)
    sought = []
    for places, group in together.items():
        texts = [call[place].content for call, place in zip(calls, places, strict=True)]
        ordered = sorted(group, key=lambda one: _spans(texts[0], [one])[0].start)
        if not all(_spans(text, ordered) for text in texts):
            names = ", ".join(one.name for one in ordered)
            raise SubstitutionError(
                f"the texts to replace overlap or change their order ({names}): join them"
            )
        anywhere = LearnedMessage(group[0].position, group[0].role, _ANYTHING)
        sought.append(_around(texts, ordered, lambda _: _ANYTHING, anywhere))
    return tuple(sought)


_ANYTHING = Template("{data_1}", ("data_1",))


def _place(call: Sequence[ChatMessage], passage: Passage) -> int:
    """The first message of a call that holds the passage."""
    for index, message in enumerate(call):
        here = message.role == passage.role and passage.position in (None, index)
        if here and _spans(message.content, [passage]):
            return index
    raise _not_there("old_text", passage)


def _spans(text: str, passages: Sequence[Passage]) -> list[Span]:
    """Where the passages stand, one behind the other; empty when one is not there."""
    spans: list[Span] = []
    place = 0
    for passage in passages:
        span = Template.declared(passage.text).find(text, place)
        if span is None:
            return []
        spans.append(span)
        place = span.end
    return spans


def _around(
    texts: Sequence[str],
    passages: Sequence[Passage],
    between: Callable[[Sequence[str]], Template],
    part: LearnedMessage,
) -> LearnedMessage:
    """A message of these passages as they are declared; what is between them, `between` learns."""
    written = ""
    names: list[str] = []
    everything = [*texts, *(passage.text for passage in passages)]
    for number, gaps in enumerate(_gaps(texts, passages)):
        # A wildcard at a passage's edge takes all there is: nothing can be told apart from it.
        learned = Template("") if _open(passages, number) else between(gaps)
        fresh: dict[str, str] = {}
        for name in learned.wildcards:
            names.append(unused_name([*everything, written, *fresh.values()], 1))
            fresh[name] = f"{{{names[-1]}}}"
        written += learned.render(fresh)
        if number < len(passages):
            names += Template.declared(passages[number].text).wildcards
            written += passages[number].text
    template = Template(written, tuple(dict.fromkeys(names)))
    slots = tuple(Slot(passage.name, passage.text) for passage in passages)
    return LearnedMessage(part.index, part.role, template, slots)


def _open(passages: Sequence[Passage], gap: int) -> bool:
    """Whether a wildcard stands at the gap before passage number `gap`."""
    ends = [Template.declared(one.text).pieces[-1] for one in passages[:gap][-1:]]
    begins = [Template.declared(one.text).pieces[0] for one in passages[gap : gap + 1]]
    return "" in (*ends, *begins)


def _gaps(texts: Sequence[str], passages: Sequence[Passage]) -> list[list[str]]:
    """Before, between and behind the passages: what each text has there."""
    rows = []
    for text in texts:
        spans = _spans(text, passages)
        edges = [Span(0, 0), *spans, Span(len(text), len(text))]
        rows.append([text[first.end : second.start] for first, second in pairwise(edges)])
    return [list(column) for column in zip(*rows, strict=True)]


def _not_there(what: str, passage: Passage) -> SubstitutionError:
    return SubstitutionError(
        f"{what} {passage.name!r} of initial_prompt is in no {passage.role} message that the task "
        "app sends: give its text as the app sends it, or leave it out so that it is learned"
    )
