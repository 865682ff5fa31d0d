"""How lessons become one text: as they are where nothing else changed, else by the model."""

from ray_promptopt.algorithms.gepa.lanes.crossing import Crossing
from ray_promptopt.algorithms.gepa.lanes.jobs import Landing
from ray_promptopt.algorithms.gepa.lanes.lesson import VerifiedLesson
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.proposers import MergeRequest, ReflectiveExample, VerifiedEdit
from ray_promptopt.core.messages import ChatMessage


def compose(landing: Landing) -> tuple[dict[str, str], list[str]]:
    """The components whose new text is plain, and the names of those that must be merged.

    A text is plain when all lessons agree on it and the target still has what they started from.
    """
    plain: dict[str, str] = {}
    to_merge: list[str] = []
    for name, present in landing.target.components:
        edits = [lesson for lesson in landing.lessons if name in lesson.texts]
        texts = {lesson.texts[name] for lesson in edits}
        bases = {lesson.base.texts[name] for lesson in edits}
        if len(texts) == 1 and bases == {present}:
            plain[name] = texts.pop()
        elif edits:
            to_merge.append(name)
    return plain, to_merge


def merge_prompt(search: LaneSearch, landing: Landing, component: str) -> tuple[ChatMessage, ...]:
    """Asks for one text of this component that holds all edits."""
    refusal = landing.rewrite.refusals.get(component)
    if landing.crossing is None:
        holders = [lesson for lesson in landing.lessons if component in lesson.texts]
        edits = [_edit(lesson, component) for lesson in holders]
    else:
        edits = [_crossed_edit(search, landing.crossing, component)]
    return search.proposer.merge(
        MergeRequest(
            component=component,
            current_text=landing.target.texts[component],
            edits=tuple(edits),
            required=search.required[component],
            refusal=refusal.message if refusal else None,
        )
    )


def _edit(lesson: VerifiedLesson, component: str) -> VerifiedEdit:
    before = sum(result.score for result in lesson.before.values())
    return VerifiedEdit(
        base_text=lesson.base.texts[component],
        text=lesson.texts[component],
        before=before,
        after=before + lesson.gain,
        examples=tuple(
            ReflectiveExample(result.evidence, result.score) for result in lesson.before.values()
        ),
    )


def _crossed_edit(search: LaneSearch, crossing: Crossing, component: str) -> VerifiedEdit:
    """What the second member changed. Of the validation examples only sums are shown."""
    population = search.population
    old, new = population.scores(crossing.ancestor), population.scores(crossing.second)
    shared = old.keys() & new.keys()
    return VerifiedEdit(
        base_text=population.members[crossing.ancestor].candidate.texts[component],
        text=population.members[crossing.second].candidate.texts[component],
        before=sum(old[seed] for seed in shared),
        after=sum(new[seed] for seed in shared),
        examples=(),
    )
