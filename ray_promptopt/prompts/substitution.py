"""Putting a candidate's text in the place of the baseline's, or refusing to.

Fails closed: a call that is not recognisably the baseline is never sent in a candidate's name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.demonstrations import NO_EXAMPLES, Examples, examples_for
from ray_promptopt.prompts.learning import LearnedBaseline, LearnedMessage, LearnedStage
from ray_promptopt.prompts.recognition import (
    LEAST_LEAD,
    LEAST_RATIO,
    Words,
    clear_best,
    own_words,
    ratios,
)
from ray_promptopt.prompts.recognition import shown as ratios_shown
from ray_promptopt.prompts.template import Template


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a call: message index → new text, and the turns that are put in."""

    texts: Mapping[int, str]
    examples: Examples = NO_EXAMPLES


def plan_substitution(
    messages: Sequence[ChatMessage], baseline: LearnedBaseline, candidate: Candidate
) -> Plan:
    """For the initial candidate the new texts are the old ones.

    Raises SubstitutionError; its words tell where the call left the baseline and hold nothing of
    the candidate.
    """
    stage = stage_in(messages, baseline)
    texts: dict[int, str] = {}
    for part in stage.components:
        found = found_in(messages, part)
        if found.place in texts:
            raise SubstitutionError(
                f"message {found.place} ({part.role}) holds what the baseline has in two messages: "
                "the app's prompt must stay as it was when the run began"
            )
        texts[found.place] = replacement(part, candidate, found.values)
    return Plan(texts, examples_for(messages, candidate, stage.name))


def stage_in(messages: Sequence[ChatMessage], baseline: LearnedBaseline) -> LearnedStage:
    """The stage that a call belongs to.

    The one whose components are all there, and its other messages too where several share their
    components; else the one whose own words are, clearly. Raises SubstitutionError with the
    ratios where none is.
    """
    stages = baseline.stages
    if len(stages) == 1:
        return stages[0]
    fitting = [stage for stage in stages if _fit(messages, stage.components)]
    if len(fitting) > 1:
        fitting = [stage for stage in fitting if _fit(messages, stage.messages)] or fitting
    if len(fitting) == 1:
        return fitting[0]
    among = {stage.name: stage for stage in fitting or stages}
    own = _own_words(baseline)
    said = "\n".join(message.content for message in messages)
    found = ratios({name: own[name] for name in among}, said)
    best = clear_best(found)
    if best is None:
        raise SubstitutionError(
            f"the call is of no one stage ({ratios_shown(found)}; one needs {LEAST_RATIO:g} and a "
            f"lead of {LEAST_LEAD:g}): each stage's prompt must stay as it was when the run began, "
            "and say something that no other stage says"
        )
    return among[best]


def _fit(messages: Sequence[ChatMessage], parts: Sequence[LearnedMessage]) -> bool:
    return all(any(_matches(messages, part)) for part in parts)


def _matches(messages: Sequence[ChatMessage], part: LearnedMessage) -> Iterator["Found"]:
    """Where a learned message stands in a call: at its place, or wherever one of its role fits."""
    for index, message in enumerate(messages):
        if message.role == part.role and part.index in (None, index):
            values = part.template.match(message.content)
            if values is not None:
                yield Found(index, values)


@lru_cache(maxsize=64)
def _own_words(baseline: LearnedBaseline) -> dict[str, Words]:
    return own_words({stage.name: stage.static_text for stage in baseline.stages})


def replacement(part: LearnedMessage, candidate: Candidate, values: Mapping[str, str]) -> str:
    """The candidate's text for this message, with the call's data in it."""
    return Template(text_of(part, candidate), part.template.wildcards).render(values)


def text_of(part: LearnedMessage, candidate: Candidate) -> str:
    """The message's template with the candidate's text in the place of each slot's."""
    texts, template, place, written = candidate.texts, part.template.text, 0, ""
    for slot in part.slots:
        if slot.component not in texts:
            raise SubstitutionError(f"the candidate has no text for component {slot.component!r}")
        start = template.index(slot.text, place)
        written += template[place:start] + texts[slot.component]
        place = start + len(slot.text)
    return written + template[place:]


def data_of(messages: Sequence[ChatMessage], stage: LearnedStage) -> str:
    """The part of a call that is about its example: what differs between examples.

    The whole text of a message that does not fit what was learned; roles named if several speak.
    """
    parts: list[tuple[str, str]] = []
    for part in stage.messages:
        if part.index is None or part.index >= len(messages):
            break
        content = messages[part.index].content
        values = part.template.match(content)
        if values is None:
            parts.append((part.role, content))
        elif values:
            parts.append((part.role, "\n".join(value.strip() for value in values.values())))
    if not parts:
        return "\n".join(message.content for message in messages if message.role == "user")
    if len(parts) == 1:
        return parts[0][1]
    return "\n".join(f"[{role}] {text}" for role, text in parts)


class Found(NamedTuple):
    """Which message of a call a learned one is, and the data in it."""

    place: int
    values: dict[str, str]


def found_in(messages: Sequence[ChatMessage], part: LearnedMessage) -> Found:
    """The call's message that this is. Raises SubstitutionError if there is none."""
    found = next(_matches(messages, part), None)
    if found is None:
        raise SubstitutionError(_missing(messages, part))
    return found


def _missing(messages: Sequence[ChatMessage], part: LearnedMessage) -> str:
    if part.index is None:
        names = ", ".join(slot.component for slot in part.slots)
        return (
            f"no {part.role} message of the call holds the baseline's text of {names}. The app's "
            "prompt must stay as it was when the run began"
        )
    where = f"message {part.index} ({part.role})"
    if part.index >= len(messages):
        return f"the call has no {where}, which the baseline has"
    message = messages[part.index]
    if message.role != part.role:
        return f"{where} of the baseline is {message.role} in this call"
    agreed = _common_prefix(part.template.pieces[0], message.content)
    return (
        f"{where} is not the baseline's: it agrees for {agreed} of the first "
        f"{len(part.template.pieces[0])} static characters. The app's prompt must stay as it "
        "was when the run began"
    )


def _common_prefix(first: str, second: str) -> int:
    length = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        length += 1
    return length
