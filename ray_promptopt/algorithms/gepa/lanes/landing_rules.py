"""What follows when a landing's stage has all answers: merge, gate, score, bisect.

A landing succeeds when its child is the new best of the search.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ray_promptopt.algorithms.gepa.lanes.crossing import crossed_texts
from ray_promptopt.algorithms.gepa.lanes.jobs import (
    Landing,
    proposal_item,
    rollout_items,
    task_name,
)
from ray_promptopt.algorithms.gepa.lanes.lesson import VerifiedLesson
from ray_promptopt.algorithms.gepa.lanes.merging import compose, merge_prompt
from ray_promptopt.algorithms.gepa.lanes.racing import is_hopeless, shard_size
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.lanes.stages import LandingStage
from ray_promptopt.algorithms.gepa.population import Member, Origin
from ray_promptopt.algorithms.gepa.proposers import RejectedEdit
from ray_promptopt.algorithms.parsing import RefusalReason
from ray_promptopt.algorithms.randomness import model_seed
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import Decision, DecisionKind, WorkItem

_NOTHING_TO_ADD = RefusalReason.UNCHANGED
MAX_TRIES = 2
"""Landings that may lose a lesson in merging before it is given up."""


def landing_items(search: LaneSearch, landing: Landing) -> list[WorkItem]:
    """All work of the present stage that is not answered yet."""
    match landing.stage:
        case LandingStage.TARGET_MINIBATCH:
            seeds = sorted(_lesson_seeds(landing.lessons) - landing.target_scores.keys())
            return [*rollout_items(landing, landing.target, Part.TRAIN, seeds)]
        case LandingStage.MERGE | LandingStage.SECOND_MERGE:
            rng_seed = search.settings.rng_seed
            return [
                proposal_item(
                    landing, name, said, model_seed(rng_seed, "merge", task_name(landing, name))
                )
                for name, said in landing.rewrite.asked.items()
            ]
        case LandingStage.GATE if landing.child is not None:
            return [*rollout_items(landing, landing.child, landing.gate_part, landing.gate_seeds)]
        case LandingStage.VALIDATION if landing.child is not None:
            seeds = _unscored(landing, search.validation_order[: landing.asked])
            return [*rollout_items(landing, landing.child, Part.VALIDATION, seeds)]
        case _:
            return []


def widen(search: LaneSearch, landing: Landing) -> list[WorkItem]:
    """The next shard of an evaluation, once half of the last one is in."""
    if landing.stage is not LandingStage.VALIDATION or landing.child is None:
        return []
    answered = len(landing.measurements) + len(landing.lost_rollouts)
    if landing.asked - answered > _shard_size(search) // 2:
        return []
    seeds = _unscored(landing, _next_shard(search, landing))
    return [*rollout_items(landing, landing.child, Part.VALIDATION, seeds)]


def _next_shard(search: LaneSearch, landing: Landing) -> Sequence[int]:
    """Seeds to be asked for; none when all are, or when racing says that the child is hopeless."""
    rest = search.validation_order[landing.asked :]
    if not rest or _is_raced_out(search, landing):
        return ()
    shard = rest[: _shard_size(search)]
    landing.asked += len(shard)
    return shard


def _shard_size(search: LaneSearch) -> int:
    whole = len(search.validation_order)
    return shard_size(whole) if search.settings.lanes.racing else whole


def _unscored(landing: Landing, seeds: Sequence[int]) -> list[int]:
    """Those that a crossing's gate has not paid for."""
    done = landing.measurements.keys() | landing.lost_rollouts.keys()
    return [seed for seed in seeds if seed not in done]


def end_landing_stage(search: LaneSearch, landing: Landing) -> list[Decision]:
    """All work of the present stage is answered: decide, and enter the next one."""
    return _RULES[landing.stage](search, landing)


def _end_target_minibatch(search: LaneSearch, landing: Landing) -> list[Decision]:
    if landing.crossing is not None:
        return _compose(search, landing, crossed_texts(search.population, landing.crossing))
    kept = tuple(lesson for lesson in landing.lessons if _is_news(lesson, landing))
    search.breadth.landed(len(landing.lessons), len(kept))
    decisions = [
        _let_go(search, lesson, "the text it was to land on had learnt it already", "overtaken")
        for lesson in landing.lessons
        if lesson not in kept
    ]
    landing.lessons = kept
    if not kept:
        _close(search, landing)
        return decisions
    return decisions + _compose(search, landing, compose(landing))


def _compose(
    search: LaneSearch, landing: Landing, texts: tuple[dict[str, str], list[str]]
) -> list[Decision]:
    """With the plain texts and the names of those to be merged: ask for these, or go on."""
    landing.rewrite.texts, to_merge = texts
    if to_merge:
        landing.move_to(LandingStage.MERGE)
        landing.rewrite.asked = {name: merge_prompt(search, landing, name) for name in to_merge}
        return []
    return _after_composition(search, landing)


def _is_news(lesson: VerifiedLesson, landing: Landing) -> bool:
    """Whether the target is still worse than the lesson's child on the lesson's examples."""
    seeds = [seed for seed in lesson.gate_seeds if seed in landing.target_scores]
    return sum(landing.target_scores[s] for s in seeds) < sum(lesson.after[s] for s in seeds)


def _end_merge(search: LaneSearch, landing: Landing) -> list[Decision]:
    rewrite = landing.rewrite
    again = sorted(name for name, r in rewrite.refusals.items() if r.reason is not _NOTHING_TO_ADD)
    if again and landing.stage is LandingStage.MERGE:
        landing.move_to(LandingStage.SECOND_MERGE)
        rewrite.asked = {name: merge_prompt(search, landing, name) for name in again}
        return []
    for reason in rewrite.discard_reasons():
        search.tally.count_discard(reason)
    if again or rewrite.lost:
        return _fail(search, landing, f"no usable merge: {rewrite.complaint()}")
    if not rewrite.texts:
        _close(search, landing)
        message = "merged, it added nothing to the text it was to land on"
        return [_let_go(search, lesson, message) for lesson in landing.lessons]
    return _after_composition(search, landing)


def _after_composition(search: LaneSearch, landing: Landing) -> list[Decision]:
    """The child's text is known: to its gate, or straight on when a lane has gated it already."""
    if landing.child is None:
        landing.child = landing.target.with_texts(landing.rewrite.texts)
    if landing.child.id in search.landed:
        return _fail(search, landing, f"candidate {landing.child.id} was tried before")
    if search.settings.is_too_long(landing.child):
        search.tally.count_discard(RefusalReason.TOO_LONG)
        return _fail(search, landing, f"candidate {landing.child.id} is too long")
    search.landed.add(landing.child.id)
    search.came_from[landing.child.id] = landing.target
    lessons = landing.lessons
    if len(lessons) == 1 and lessons[0].base.id == landing.target.id:
        return _to_validation(search, landing)
    if landing.crossing is None:
        landing.gate_seeds = tuple(sorted(landing.target_scores.keys() & _lesson_seeds(lessons)))
    landing.move_to(LandingStage.GATE)
    what = f"merged lessons: {len(lessons)}" if lessons else "merged two lineages"
    proposed = _about(search, landing, DecisionKind.CANDIDATE_PROPOSED, what)
    return [replace(proposed, lessons=tuple(lesson.child.id for lesson in lessons))]


def _end_gate(search: LaneSearch, landing: Landing) -> list[Decision]:
    scores = landing.gate_scores
    if not scores:
        return _fail(search, landing, "every gate rollout of the merged child was lost")
    after = sum(scores.values())
    if landing.crossing is not None:
        before = max(
            sum(search.population.scores(parent)[seed] for seed in scores)
            for parent in (landing.crossing.first, landing.crossing.second)
        )
        passed = after >= before
        search.num_crossings_passed += passed
    else:
        before = sum(landing.target_scores[seed] for seed in scores)
        passed = after > before
    message = f"sum {before:.4g} -> {after:.4g} over {len(scores)} gate examples"
    if not passed:
        return _fail(search, landing, message)
    return _set_lost_lessons_aside(search, landing) + _to_validation(search, landing)


def _set_lost_lessons_aside(search: LaneSearch, landing: Landing) -> list[Decision]:
    """What the merged text does not show is landed again, with others, or given up."""
    kept: list[VerifiedLesson] = []
    given_up: list[Decision] = []
    for lesson in landing.lessons:
        seeds = [seed for seed in lesson.gate_seeds if seed in landing.gate_scores]
        now = sum(landing.gate_scores[seed] for seed in seeds)
        if now > sum(landing.target_scores[seed] for seed in seeds):
            kept.append(lesson)
        elif lesson.tries + 1 < MAX_TRIES:
            search.waiting.append(lesson.tried_again())
        else:
            message = f"lost in {MAX_TRIES} merges"
            given_up.append(_let_go(search, lesson, message, "lost_in_merge"))
    landing.lessons = tuple(kept)
    return given_up


def _to_validation(search: LaneSearch, landing: Landing) -> list[Decision]:
    landing.move_to(LandingStage.VALIDATION)
    _next_shard(search, landing)
    return []


def _end_validation(search: LaneSearch, landing: Landing) -> list[Decision]:
    if not landing.measurements:
        if not len(search.population):
            return _stop_without_baseline(search, landing)
        return _fail(search, landing, "every validation rollout was lost")
    if landing.asked < len(search.validation_order):
        scored = {seed: m.score for seed, m in landing.measurements.items()}
        mean = sum(scored.values()) / len(scored)
        message = f"clearly worse than the best: mean {mean:.4f} over the first {len(scored)} seeds"
        return _fail(search, landing, message)
    decisions = _admit(search, landing)
    improved = decisions[-1].kind is DecisionKind.NEW_BEST
    if not improved and _is_overtaken(search, landing):
        return decisions + _land_again(search, landing)
    size = len(landing.lessons)
    for _ in range(0 if landing.is_initial else max(1, size)):
        search.tally.count_proposal(improved=improved)
    if improved or not size:
        search.group.succeeded(size)
        _close(search, landing)
    else:
        decisions += _fail(search, landing, None)
    return decisions


def _is_overtaken(search: LaneSearch, landing: Landing) -> bool:
    """Whether its lessons made the target better, but another candidate is the best meanwhile."""
    target = search.indices.get(landing.target.id)
    if not landing.lessons or target is None or target == search.population.best:
        return False
    return search.population.mean(len(search.population) - 1) > search.population.mean(target)


def _land_again(search: LaneSearch, landing: Landing) -> list[Decision]:
    """Its lessons are good; they land on the new best, unless they have had their tries."""
    given_up: list[Decision] = []
    for lesson in landing.lessons:
        if lesson.tries + 1 < MAX_TRIES:
            search.waiting.append(lesson.tried_again())
        else:
            message = f"another candidate was better {MAX_TRIES} times"
            given_up.append(_let_go(search, lesson, message, "overtaken"))
    _close(search, landing)
    return given_up


def _admit(search: LaneSearch, landing: Landing) -> list[Decision]:
    assert landing.child is not None
    origin = Origin.MERGE if landing.crossing or len(landing.lessons) > 1 else Origin.REFLECTION
    if not len(search.population):
        origin = Origin.INITIAL
    parents = search.parents_of(landing)
    member = Member(landing.child, parents, origin, landing.number)
    is_best = search.population.add(member, landing.measurements, 0)
    search.indices[landing.child.id] = len(search.population) - 1
    search.came_from.pop(landing.child.id, None)
    mean = search.population.mean(len(search.population) - 1)
    message = (
        f"mean {mean:.4f} over {len(landing.measurements)} of "
        f"{len(search.settings.validation)} validation seeds"
    )
    kinds = [DecisionKind.CANDIDATE_SCORED, *([DecisionKind.NEW_BEST] if is_best else [])]
    return [_about(search, landing, kind, message, mean) for kind in kinds]


def _fail(search: LaneSearch, landing: Landing, message: str | None) -> list[Decision]:
    """A group is bisected; a single lesson that does not help is remembered as rejected."""
    lessons = landing.lessons
    search.group.failed(len(lessons))
    if len(lessons) > 1:
        search.bisect(lessons)
    elif lessons:
        _reject(search, lessons[0])
    _close(search, landing)
    if message is None:
        return []
    return [_about(search, landing, DecisionKind.PROPOSAL_DISCARDED, message)]


def _let_go(
    search: LaneSearch, lesson: VerifiedLesson, message: str, reason: str | None = None
) -> Decision:
    """A lesson that is not landed again."""
    if reason is not None:
        search.tally.count_discard(reason)
    search.tally.count_proposal(improved=False)
    kind, parents = DecisionKind.PROPOSAL_DISCARDED, (lesson.base.id,)
    return Decision(kind, message, lesson.child, parents, iteration=lesson.number + 1)


def _reject(search: LaneSearch, lesson: VerifiedLesson) -> None:
    search.tally.count_proposal(improved=False)
    old = sum(result.score for result in lesson.before.values())
    for name, text in lesson.texts.items():
        edit = RejectedEdit(
            text, old, old + lesson.gain, len(lesson.before), "it did not help on other examples"
        )
        search.edits.reject(lesson.base.id, name, edit)


def _stop_without_baseline(search: LaneSearch, landing: Landing) -> list[Decision]:
    error = next(iter(landing.lost_rollouts.values()))
    _close(search, landing)
    search.stop = (
        f"initial candidate: all {len(search.settings.validation)} validation rollouts were lost, "
        f"the first with: {error}"
    )
    return [Decision(DecisionKind.STOPPED, search.stop)]


def _is_raced_out(search: LaneSearch, landing: Landing) -> bool:
    scores = {seed: m.score for seed, m in landing.measurements.items()}
    return not landing.is_initial and is_hopeless(scores, search.population)


def _lesson_seeds(lessons: tuple[VerifiedLesson, ...]) -> set[int]:
    return {seed for lesson in lessons for seed in lesson.gate_seeds}


def _close(search: LaneSearch, landing: Landing) -> None:
    landing.move_to(LandingStage.DONE)
    search.close_landing(landing)


def _about(
    search: LaneSearch,
    landing: Landing,
    kind: DecisionKind,
    message: str,
    score: float | None = None,
) -> Decision:
    parents = [search.population.members[p].candidate.id for p in search.parents_of(landing)]
    return Decision(kind, message, landing.child, tuple(parents), score, search.num_lanes)


_RULES: dict[LandingStage, Callable[[LaneSearch, Landing], list[Decision]]] = {
    LandingStage.TARGET_MINIBATCH: _end_target_minibatch,
    LandingStage.MERGE: _end_merge,
    LandingStage.SECOND_MERGE: _end_merge,
    LandingStage.GATE: _end_gate,
    LandingStage.VALIDATION: _end_validation,
}
