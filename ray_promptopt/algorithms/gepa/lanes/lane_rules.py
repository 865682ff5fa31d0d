"""What follows when a lane's stage has all answers: reflect, try the child, or keep the lesson."""

from collections.abc import Callable

from ray_promptopt.algorithms.gepa.lanes.jobs import Lane, proposal_item, rollout_items, task_name
from ray_promptopt.algorithms.gepa.lanes.lesson import VerifiedLesson
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.lanes.stages import LaneStage
from ray_promptopt.algorithms.gepa.mutation import Scored
from ray_promptopt.algorithms.gepa.proposers import (
    ReflectionRequest,
    ReflectiveExample,
    RejectedEdit,
)
from ray_promptopt.algorithms.parsing import RefusalReason
from ray_promptopt.algorithms.randomness import model_seed
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Part
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.work import Decision, DecisionKind, WorkItem


def lane_items(search: LaneSearch, lane: Lane) -> list[WorkItem]:
    """All work of the present stage that is not answered yet."""
    match lane.stage:
        case LaneStage.PARENT_MINIBATCH:
            seeds = [seed for seed in lane.seeds if seed not in lane.before]
            return [*rollout_items(lane, lane.parent, Part.TRAIN, seeds)]
        case LaneStage.REFLECTION | LaneStage.SECOND_REFLECTION:
            rng_seed = search.settings.rng_seed
            return [
                proposal_item(
                    lane, name, said, model_seed(rng_seed, "reflection", task_name(lane, name))
                )
                for name, said in lane.rewrite.asked.items()
            ]
        case LaneStage.CHILD_MINIBATCH if lane.child is not None:
            seeds = [seed for seed in lane.before if seed not in lane.after]
            return [*rollout_items(lane, lane.child, Part.TRAIN, seeds)]
        case _:
            return []


def end_lane_stage(search: LaneSearch, lane: Lane) -> list[Decision]:
    """All work of the present stage is answered: decide, and enter the next one."""
    return _RULES[lane.stage](search, lane)


def _end_parent_minibatch(search: LaneSearch, lane: Lane) -> list[Decision]:
    lane.before = {seed: lane.before[seed] for seed in lane.seeds if seed in lane.before}
    settings = search.settings
    if not lane.before:
        message = "every minibatch rollout of the parent was lost"
        return _discard(search, lane, "parent_lost", message)
    perfect = all(result.score >= settings.perfect_score for result in lane.before.values())
    if settings.skip_perfect_score and perfect and lane.variant is None:
        _close(search, lane)
        message = f"the parent is perfect on all {len(lane.before)} examples of the minibatch"
        return [about(lane, DecisionKind.ITERATION_SKIPPED, message)]
    lane.move_to(LaneStage.REFLECTION)
    lane.rewrite.asked = {name: _prompt(search, lane, name) for name in lane.components}
    return []


def _end_reflection(search: LaneSearch, lane: Lane) -> list[Decision]:
    rewrite = lane.rewrite
    if rewrite.refusals and lane.stage is LaneStage.REFLECTION:
        lane.move_to(LaneStage.SECOND_REFLECTION)
        rewrite.asked = {name: _prompt(search, lane, name) for name in sorted(rewrite.refusals)}
        return []
    for reason in rewrite.discard_reasons():
        search.tally.count_discard(reason)
    if not rewrite.texts:
        message = f"no usable reflection: {rewrite.complaint()}"
        return _discard(search, lane, None, message)
    child = lane.parent.with_texts(rewrite.texts)
    if child.id in search.landed or not search.edits.try_edit(lane.parent, rewrite.texts):
        return _discard(search, lane, "duplicate", f"the edit {child.id} was tried before")
    if search.settings.is_too_long(child):
        return _discard(search, lane, RefusalReason.TOO_LONG, f"the edit {child.id} is too long")
    lane.child = child
    lane.move_to(LaneStage.CHILD_MINIBATCH)
    changed = ", ".join(sorted(rewrite.texts))
    return [about(lane, DecisionKind.CANDIDATE_PROPOSED, f"rewrote {changed}")]


def _end_child_minibatch(search: LaneSearch, lane: Lane) -> list[Decision]:
    if not lane.after or lane.child is None:
        message = "every minibatch rollout of the child was lost"
        return _discard(search, lane, "child_lost", message)
    before = {seed: result for seed, result in lane.before.items() if seed in lane.after}
    old, new = sum(result.score for result in before.values()), sum(lane.after.values())
    message = f"sum {old:.4g} -> {new:.4g} over {len(before)} examples"
    if new > old:
        search.tally.accepted += 1
        texts = {name: text for name, text in lane.rewrite.texts.items()}
        lesson = VerifiedLesson(lane.number, lane.parent, texts, before, dict(lane.after))
        search.waiting.append(lesson)
        _close(search, lane)
        return [about(lane, DecisionKind.CANDIDATE_ACCEPTED, f"{message}: a lesson", new)]
    search.tally.rejected += 1
    search.tally.count_proposal(improved=False)
    _remember_rejection(search, lane, lane.child, (old, new))
    _close(search, lane)
    return [about(lane, DecisionKind.CANDIDATE_REJECTED, message, new)]


def _remember_rejection(
    search: LaneSearch, lane: Lane, child: Candidate, sums: tuple[float, float]
) -> None:
    """The reflections that follow on this parent are told of it."""
    results = search.known.of(child.id, lane.after)
    worse = [
        result.evidence.feedback
        for seed, result in results.items()
        if result.score < lane.before[seed].score
    ]
    for name, text in lane.rewrite.texts.items():
        edit = RejectedEdit(text, *sums, len(lane.after), next(iter(worse), ""))
        search.edits.reject(lane.parent.id, name, edit)


def _prompt(search: LaneSearch, lane: Lane, component: str) -> tuple[ChatMessage, ...]:
    text, required = lane.parent.texts[component], search.required[component]
    refusal = lane.rewrite.refusals.get(component)
    if lane.variant is not None and refusal is None:
        return search.proposer.variant(component, text, required, lane.variant)
    return search.proposer.reflect(
        ReflectionRequest(
            component=component,
            current_text=text,
            examples=tuple(ReflectiveExample(r.evidence, r.score) for r in _shown(search, lane)),
            required=required,
            rejected=search.edits.rejected_of(lane.parent.id, component),
            refusal=refusal.message if refusal else None,
        )
    )


def _shown(search: LaneSearch, lane: Lane) -> list[Scored]:
    """The minibatch, and as many of the parent's known failures as no other lane works on."""
    claimed = {
        seed
        for other in search.lanes.values()
        if other.parent.id == lane.parent.id
        for seed in other.seeds
    }
    claimed |= {
        seed
        for lesson in search.waiting
        if lesson.base.id == lane.parent.id
        for seed in lesson.before
    }
    failures = search.known.failures(lane.parent.id, search.settings.perfect_score)
    left_over = [result for seed, result in failures.items() if seed not in claimed]
    return [*lane.before.values(), *left_over[-len(lane.seeds) :]]


def _discard(search: LaneSearch, lane: Lane, reason: str | None, message: str) -> list[Decision]:
    if reason is not None:
        search.tally.count_discard(reason)
    search.tally.count_proposal(improved=False)
    _close(search, lane)
    return [about(lane, DecisionKind.PROPOSAL_DISCARDED, message)]


def _close(search: LaneSearch, lane: Lane) -> None:
    lane.move_to(LaneStage.DONE)
    search.close_lane(lane)


def about(lane: Lane, kind: DecisionKind, message: str, score: float | None = None) -> Decision:
    """A decision on a lane, with its child when it has one."""
    return Decision(kind, message, lane.child, (lane.parent.id,), score, lane.number + 1)


_RULES: dict[LaneStage, Callable[[LaneSearch, Lane], list[Decision]]] = {
    LaneStage.PARENT_MINIBATCH: _end_parent_minibatch,
    LaneStage.REFLECTION: _end_reflection,
    LaneStage.SECOND_REFLECTION: _end_reflection,
    LaneStage.CHILD_MINIBATCH: _end_child_minibatch,
}
