"""A candidate in the form of its prompt, as clients and files get it."""

from typing import Any

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.prompts.learning import LearnedBaseline, LearnedMessage, LearnedStage, PromptForm
from ray_promptopt.prompts.transformation import Transformation, examples_in

Section = dict[str, Any]


def written(baseline: LearnedBaseline, candidate: Candidate) -> dict[str, Any]:
    """`payload_kind`, `object` and `full_text`; a pipeline's stages stand one after another.

    Raises KeyError for a candidate of another baseline.
    """
    sections = _ordered([one for stage in baseline.stages for one in sections_of(stage, candidate)])
    data: dict[str, Any] = {"sections": sections}
    if baseline.form is PromptForm.PATTERN:
        data["messages"] = [
            {"role": one["role"], "pattern": one["content"], "order": one["order"]}
            for one in sections
        ]
    if baseline.form is PromptForm.TRANSFORMATION:
        changes = [Transformation.between(stage, candidate).to_dict() for stage in baseline.stages]
        data = {name: [one for change in changes for one in change[name]] for name in changes[0]}
    return {
        "payload_kind": baseline.form.value,
        "object": {"type": baseline.form.value, "data": data},
        "full_text": "\n\n".join(
            f"[{one['role']} | {one['name']}]\n{one['content']}" for one in sections
        ),
    }


def sections_of(stage: LearnedStage, candidate: Candidate) -> list[Section]:
    """The whole call with the candidate in it, data as wildcards; of a transformation its texts.

    Text between two slots of a message is a section of its own, unless it is blank.
    """
    examples = examples_in(stage, candidate)
    sections: list[Section] = []
    for place, part in enumerate(stage.sought or stage.messages):
        if place == examples.place:
            sections += _examples(stage, candidate)
        sections += _sections(part, candidate, slots_only=bool(stage.sought))
    if examples.place >= len(stage.sought or stage.messages):
        sections += _examples(stage, candidate)
    return _ordered(sections)


def _sections(part: LearnedMessage, candidate: Candidate, *, slots_only: bool) -> list[Section]:
    texts, template, place = candidate.texts, part.template.text, 0
    name = f"{part.role}_{part.index}"
    sections = []
    for number, slot in enumerate(part.slots):
        start = template.index(slot.text, place)
        between = template[place:start]
        if between.strip() and not slots_only:
            sections.append(_section(f"{name}_before_{number + 1}", part.role, between))
        sections.append(_section(slot.component, part.role, texts[slot.component]))
        place = start + len(slot.text)
    rest = template[place:]
    if rest.strip() and not slots_only:
        sections.append(_section(f"{name}_rest" if part.slots else name, part.role, rest))
    return sections


def _examples(stage: LearnedStage, candidate: Candidate) -> list[Section]:
    return [
        _section(f"example_{number // 2 + 1}_{turn.role}", turn.role, turn.content)
        for number, turn in enumerate(examples_in(stage, candidate).turns)
    ]


def _section(name: str, role: str, content: str) -> Section:
    return {"name": name, "role": role, "content": content}


def _ordered(sections: list[Section]) -> list[Section]:
    return [{**section, "order": order} for order, section in enumerate(sections)]
