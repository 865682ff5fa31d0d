"""The schedule `reference` (arXiv 2507.19457, Alg. 1): what follows when a stage has all answers.

Each rule reads the results of the stage, moves the search on to a stage that has work (or to its
stop) and returns what it decided. A lost rollout is left out on both sides of a comparison.
"""

from collections.abc import Callable

from ray_promptopt.algorithms.gepa.population import Member, Origin
from ray_promptopt.algorithms.gepa.search import Search
from ray_promptopt.algorithms.gepa.selectors import COMPONENT_SELECTORS
from ray_promptopt.algorithms.gepa.stages import Stage
from ray_promptopt.algorithms.parsing import RefusalReason
from ray_promptopt.core.work import Decision, DecisionKind


def end_stage(search: Search) -> list[Decision]:
    """All work of the present stage is answered: decide, and enter the next one."""
    return _RULES[search.mutation.stage](search)


def _end_initial_validation(search: Search) -> list[Decision]:
    mutation = search.mutation
    if mutation.validation:
        decisions = _admit(search, Origin.INITIAL)
        search.close()
        return decisions
    error = next(iter(mutation.lost_rollouts.values()))
    search.close()
    search.stop = (
        f"initial candidate: all {len(mutation.seeds)} validation rollouts were lost, "
        f"the first with: {error}"
    )
    return [Decision(DecisionKind.STOPPED, search.stop)]


def _end_parent_minibatch(search: Search) -> list[Decision]:
    mutation, settings = search.mutation, search.settings
    mutation.seeds = tuple(seed for seed in mutation.seeds if seed in mutation.parent_results)
    if not mutation.seeds:
        return _discard(search, "parent_lost", "every minibatch rollout of the parent was lost")
    scores = [result.score for result in mutation.parent_results.values()]
    if settings.skip_perfect_score and min(scores) >= settings.perfect_score:
        message = f"the parent is perfect on all {len(scores)} examples of the minibatch"
        search.close()
        return [_about(search, DecisionKind.ITERATION_SKIPPED, message)]
    choose = COMPONENT_SELECTORS[settings.component_selector]
    mutation.components = choose(search.population, mutation.parents[0])
    mutation.move_to(Stage.REFLECTION)
    return []


def _end_reflection(search: Search) -> list[Decision]:
    mutation = search.mutation
    if mutation.refusals and mutation.stage is Stage.REFLECTION:
        mutation.move_to(Stage.SECOND_REFLECTION)
        return []
    for refusal in mutation.refusals.values():
        search.tally.count_discard(refusal.reason)
    for _ in mutation.lost_reflections:
        search.tally.count_discard("reflection_lost")
    if not mutation.texts:
        messages = [refusal.message for refusal in mutation.refusals.values()]
        messages += [f"the call was lost: {e}" for e in mutation.lost_reflections.values()]
        return _discard(search, None, f"no usable reflection: {'; '.join(messages)}")
    child = search.parent.with_texts(mutation.texts)
    if child.id in search.known:
        return _discard(search, "duplicate", f"candidate {child.id} was tried before")
    if search.settings.is_too_long(child):
        return _discard(search, RefusalReason.TOO_LONG, f"candidate {child.id} is too long")
    mutation.child = child
    mutation.move_to(Stage.CHILD_MINIBATCH)
    changed = ", ".join(sorted(mutation.texts))
    return [_about(search, DecisionKind.CANDIDATE_PROPOSED, f"rewrote {changed}")]


def _end_child_minibatch(search: Search) -> list[Decision]:
    mutation = search.mutation
    if not mutation.gate_scores:
        return _discard(search, "child_lost", "every minibatch rollout of the child was lost")
    parent_scores = {seed: result.score for seed, result in mutation.parent_results.items()}
    before, after = mutation.common_sums(parent_scores)
    return _judge(search, before, after, passed=after > before)


def _end_merge_gate(search: Search) -> list[Decision]:
    mutation = search.mutation
    if not mutation.gate_scores:
        return _discard(search, "child_lost", "every gate rollout of the merged child was lost")
    sums = [mutation.common_sums(search.population.scores(p)) for p in mutation.parents]
    before, after = max(sums)
    if after >= before:
        search.merges.accepted += 1
    return _judge(search, before, after, passed=after >= before)


def _judge(search: Search, before: float, after: float, *, passed: bool) -> list[Decision]:
    """Accept the child for validation, or reject it for good: it is not tried again."""
    search.known.add(search.child.id)
    message = f"sum {before:.4g} -> {after:.4g} over {len(search.mutation.gate_scores)} examples"
    if passed:
        search.tally.accepted += 1
        search.mutation.move_to(Stage.VALIDATION)
        return [_about(search, DecisionKind.CANDIDATE_ACCEPTED, message, after)]
    search.tally.rejected += 1
    search.tally.count_proposal(improved=False)
    search.close()
    return [_about(search, DecisionKind.CANDIDATE_REJECTED, message, after)]


def _end_validation(search: Search) -> list[Decision]:
    mutation = search.mutation
    if not mutation.validation:
        return _discard(search, "validation_lost", "every validation rollout was lost")
    decisions = _admit(search, Origin.MERGE if mutation.is_merge else Origin.REFLECTION)
    improved = decisions[-1].kind is DecisionKind.NEW_BEST
    search.tally.count_proposal(improved=improved)
    search.close()
    return decisions


def _admit(search: Search, origin: Origin) -> list[Decision]:
    mutation = search.mutation
    member = Member(search.child, mutation.parents, origin, mutation.iteration)
    is_best = search.admit(member)
    mean = search.population.mean(len(search.population) - 1)
    message = (
        f"mean {mean:.4f} over {len(mutation.validation)} of "
        f"{len(search.settings.validation)} validation seeds"
    )
    kinds = [DecisionKind.CANDIDATE_SCORED, *([DecisionKind.NEW_BEST] if is_best else [])]
    return [_about(search, kind, message, mean) for kind in kinds]


def _discard(search: Search, reason: str | None, message: str) -> list[Decision]:
    if reason is not None:
        search.tally.count_discard(reason)
    search.tally.count_proposal(improved=False)
    search.close()
    return [_about(search, DecisionKind.PROPOSAL_DISCARDED, message)]


def announce(search: Search) -> list[Decision]:
    """A merged child is known before its gate."""
    if not search.mutation.is_merge:
        return []
    return [_about(search, DecisionKind.CANDIDATE_PROPOSED, "merged two lineages")]


def _about(
    search: Search, kind: DecisionKind, message: str, score: float | None = None
) -> Decision:
    """A decision on the present mutation, with its child when it has one."""
    mutation = search.mutation
    parents = tuple(search.population.members[p].candidate.id for p in mutation.parents)
    candidate = search.child if mutation.child is not None or not parents else None
    return Decision(kind, message, candidate, parents, score, mutation.iteration)


_RULES: dict[Stage, Callable[[Search], list[Decision]]] = {
    Stage.INITIAL_VALIDATION: _end_initial_validation,
    Stage.PARENT_MINIBATCH: _end_parent_minibatch,
    Stage.REFLECTION: _end_reflection,
    Stage.SECOND_REFLECTION: _end_reflection,
    Stage.CHILD_MINIBATCH: _end_child_minibatch,
    Stage.MERGE_GATE: _end_merge_gate,
    Stage.VALIDATION: _end_validation,
}
