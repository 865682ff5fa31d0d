"""What follows when a stage of a round or an evaluation has come to its end."""

import math

from ray_promptopt.algorithms.mipro.bootstrap import (
    ScoredRollout,
    demo_sets,
    demos_of,
    labelled_demos_of,
)
from ray_promptopt.algorithms.mipro.catalogue import Instruction
from ray_promptopt.algorithms.mipro.estimates import clearly_worse
from ray_promptopt.algorithms.mipro.grounding import TriedInstruction, overlap
from ray_promptopt.algorithms.mipro.jobs import Evaluation, Round, Slot
from ray_promptopt.algorithms.mipro.search import MAX_FRUITLESS, Search
from ray_promptopt.algorithms.mipro.stages import EvaluationStage, RoundStage
from ray_promptopt.algorithms.randomness import stream
from ray_promptopt.algorithms.tips import tip
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.ids import CandidateId
from ray_promptopt.core.stages import stage_of
from ray_promptopt.core.work import Decision, DecisionKind, Purpose


def end_round_stage(search: Search, job: Round) -> list[Decision]:
    """The last item of a round's stage is settled."""
    match job.stage:
        case RoundStage.BOOTSTRAP:
            return _end_bootstrap(search, job)
        case RoundStage.SUMMARY:
            job.move_to(RoundStage.PROPOSALS)
            return []
        case _:
            return _end_proposals(search, job)


def _end_bootstrap(search: Search, job: Round) -> list[Decision]:
    search.budget.release(job.reserved)
    job.reserved = 0
    num_demos = _add_demo_sets(search, job)
    search.stop = _bootstrap_stop(search, job, num_demos)
    if search.stop is not None:
        _close_round(search, job)
        return [Decision(DecisionKind.STOPPED, search.stop)]
    settings = search.settings
    job.slots = [
        Slot(name)
        for name in search.catalogue.components
        for _ in range(_num_proposals(search, job, name))
    ]
    job.history = {name: _history(search, name, job.arm) for name in search.catalogue.components}
    if not job.slots:
        _close_round(search, job)
    elif settings.is_reference and job.number == 0 and search.train_rollouts.get(0):
        job.move_to(RoundStage.SUMMARY)
    else:
        job.move_to(RoundStage.PROPOSALS)
    return []


def _num_proposals(search: Search, job: Round, component: str) -> int:
    most = search.settings.instructions_of(stage_of(component))
    if most == 1:
        return 0
    return most - 1 if job.number == 0 else search.settings.update.num_new


def _bootstrap_stop(search: Search, job: Round, num_demos: int) -> str | None:
    """Why the search cannot go on after the first rollouts on training seeds, if it cannot."""
    settings = search.settings
    if job.number:
        return None
    if job.lost is not None and not search.train_rollouts.get(job.arm):
        return f"the bootstrap lost every rollout: {job.lost}"
    if num_demos < settings.min_bootstrap_demos:
        return (
            f"bootstrap gave {num_demos} demonstrations of the {settings.min_bootstrap_demos} that "
            "min_bootstrap_demos asks for: lower it, or few_shot_score_threshold "
            f"({settings.score_threshold:g}), or give more training seeds"
        )
    return None


def _add_demo_sets(search: Search, job: Round) -> int:
    """Make sets of what the rollouts so far gave; the least number of demos of any stage."""
    settings = search.settings
    counts = []
    for stage in search.catalogue.stages:
        pool = demos_of(all_rollouts(search), stage, settings.score_threshold)
        pool = [demo for demo in pool if not _has_wildcard(search, demo)]
        labelled = labelled_demos_of(all_rollouts(search), stage)
        labelled = [demo for demo in labelled if not _has_wildcard(search, demo)]
        counts.append(len(pool))
        rng = stream(settings.rng_seed, "demos", f"{job.number}.{stage}")
        sets = demo_sets(
            pool,
            labelled,
            rng,
            max_demos=settings.demos_of(stage),
            sets_per_size=settings.demo_sets_per_size,
            include_empty=False,
        )
        # Later rounds add their largest set alone: the choices must stay few against the trials.
        search.catalogue.add_demo_sets(
            stage, sets if job.number == 0 else sets[:1], settings.max_demo_sets
        )
    return min(counts)


def _has_wildcard(search: Search, demo: Demo) -> bool:
    """Such data would be filled in with other data, were it part of a text."""
    return any(
        name in f"{demo.inputs}{demo.output}"
        for names in search.required.values()
        for name in names
    )


def announce(search: Search, job: Evaluation) -> list[Decision]:
    """A trial's combination is known from its beginning on."""
    if job.purpose is not Purpose.TRIAL:
        return []
    words = [
        f"trial {search.tally.trials}: {search.catalogue.origin(job.arm)}",
        search.catalogue.proposals(job.arm),
    ]
    message = ", ".join(filter(None, words))
    return [_about(search, job, DecisionKind.CANDIDATE_PROPOSED, message)]


def all_rollouts(search: Search) -> list[ScoredRollout]:
    """Every rollout on a training seed, by arm, then by seed: not by when it came home."""
    return [
        rollouts[seed]
        for _, rollouts in sorted(search.train_rollouts.items())
        for seed in search.train_order
        if seed in rollouts
    ]


def _end_proposals(search: Search, job: Round) -> list[Decision]:
    decisions, is_barren = [], True
    for number, slot in enumerate(job.slots, 1):
        if slot.text is None:
            continue
        choices = search.catalogue.choices_of(slot.component)
        base = choices[0].text
        limit = search.settings.update.max_overlap
        if any(overlap(slot.text, known.text, base) >= limit for known in choices):
            search.tally.count_discard("duplicate")
            message = f"{slot.component}: too close to an instruction that is there"
            decisions.append(Decision(DecisionKind.PROPOSAL_DISCARDED, message))
            continue
        # The tip is its request's: `work.py` gives each slot that of its number.
        angle = tip(number).partition(":")[0]
        proposal = f"proposal {number} of round {job.number} ({angle})"
        choices.append(Instruction(slot.text, job.arm, proposal=proposal))
        is_barren = False
    search.tally.barren_rounds = search.tally.barren_rounds + 1 if is_barren else 0
    for component in search.catalogue.components:
        _retire(search, component)
    _close_round(search, job)
    return decisions


def _retire(search: Search, component: str) -> None:
    """Keep the baseline, the best combination's own, what was not tried yet, then the best."""
    choices = search.catalogue.choices_of(component)
    live = [place for place, choice in enumerate(choices) if choice.live]
    place_in_point = search.catalogue.components.index(component)
    best = search.catalogue.arms[search.best].point[place_in_point]
    means = instruction_means(search, component)
    ranked = sorted(
        live, key=lambda place: (place not in (0, best), -means.get(place, math.inf), place)
    )
    for place in ranked[search.settings.kept_of(stage_of(component)) :]:
        choices[place].live = False


def instruction_means(search: Search, component: str) -> dict[int, float]:
    """Instruction to the mean estimate of the combinations that used it."""
    place_in_point = search.catalogue.components.index(component)
    values = search.estimates()
    found: dict[int, list[float]] = {}
    for number, arm in enumerate(search.catalogue.arms):
        if arm.results:
            found.setdefault(arm.point[place_in_point], []).append(values[number])
    return {place: math.fsum(scores) / len(scores) for place, scores in found.items()}


def _history(search: Search, component: str, arm: int) -> tuple[TriedInstruction, ...]:
    """The best and the worst instructions that were tried, without the one that is rewritten."""
    update, choices = search.settings.update, search.catalogue.choices_of(component)
    current = search.catalogue.texts(arm)[component]
    means = sorted(instruction_means(search, component).items(), key=lambda mean: -mean[1])
    tried = [
        TriedInstruction(choices[place].text, score)
        for place, score in means
        if choices[place].text != current
    ]
    best, worst = tried[: update.topk_success], tried[update.topk_success :]
    return (*best, *worst[max(0, len(worst) - update.topk_failure) :])


def _close_round(search: Search, job: Round) -> None:
    job.move_to(RoundStage.DONE)
    del search.rounds[job.number]


def end_rung(search: Search, job: Evaluation) -> list[Decision]:
    """The last rollout of a rung is settled: go on, drop it, or be done."""
    search.forget_estimates()
    arm = search.catalogue.arms[job.arm]
    if job.last < job.target:
        best = search.catalogue.arms[search.best]
        if job.arm != search.best and clearly_worse(arm.results, best.results):
            arm.dropped = True
            search.tally.dropped += 1
            message = f"clearly worse than the best on {len(arm.results)} common seeds"
            return [
                _about(search, job, DecisionKind.CANDIDATE_REJECTED, message),
                *_close_evaluation(search, job),
            ]
        job.climb(min(job.target - job.last, search.settings.batch))
        arm.asked = job.last
        return []
    return _close_evaluation(search, job)


def _close_evaluation(search: Search, job: Evaluation) -> list[Decision]:
    search.budget.release(job.reserved)
    job.reserved = 0
    job.move_to(EvaluationStage.DONE)
    del search.evaluations[job.number]
    tally = search.tally
    if not job.used:
        return _lost_everything(search, job)
    tally.fruitless = 0
    is_first = job.purpose is Purpose.INITIAL_VALIDATION
    before = search.best
    search.best = search.ranking()[0]
    is_new = is_first or search.best != before
    if job.purpose is Purpose.TRIAL:
        tally.since_best = 0 if is_new else tally.since_best + 1
        tally.kept += not search.catalogue.arms[job.arm].dropped
    arm = search.catalogue.arms[job.arm]
    mean = math.fsum(arm.results.values()) / len(arm.results)
    message = f"{mean:.3f} on {len(arm.results)} of {len(search.order)} validation seeds"
    decisions = [_about(search, job, DecisionKind.CANDIDATE_SCORED, message)]
    if job.purpose is Purpose.TRIAL and not arm.dropped:
        kept = "as good as the best so far, within chance"
        decisions.insert(0, _about(search, job, DecisionKind.CANDIDATE_ACCEPTED, kept))
    if is_new:
        decisions.append(_best(search))
    return decisions


def _lost_everything(search: Search, job: Evaluation) -> list[Decision]:
    search.tally.fruitless += 1
    if job.purpose is Purpose.INITIAL_VALIDATION:
        search.stop = f"the initial candidate could not be scored: {job.lost}"
    elif search.tally.fruitless >= MAX_FRUITLESS:
        count = search.tally.fruitless
        search.stop = f"{count} evaluations in a row lost every rollout: {job.lost}"
    if search.stop is None:
        return []
    return [Decision(DecisionKind.STOPPED, search.stop, iteration=search.tally.trials)]


def _best(search: Search) -> Decision:
    arm = search.catalogue.arms[search.best]
    estimate = search.estimates()[search.best]
    return Decision(
        DecisionKind.NEW_BEST,
        f"estimated at {estimate:.3f} over all validation seeds",
        search.catalogue.candidate(search.best),
        parents_of(search, search.best),
        math.fsum(arm.results.values()) / len(arm.results),
        search.tally.trials,
    )


def parents_of(search: Search, arm: int) -> tuple[CandidateId, ...]:
    """The candidates that an arm's instructions were written from."""
    catalogue = search.catalogue
    return tuple(catalogue.candidate(parent).id for parent in catalogue.parents(arm))


def _about(search: Search, job: Evaluation, kind: DecisionKind, message: str) -> Decision:
    arm = search.catalogue.arms[job.arm]
    scores = arm.results.values()
    return Decision(
        kind,
        message,
        search.catalogue.candidate(job.arm),
        parents_of(search, job.arm),
        math.fsum(scores) / len(scores) if scores else None,
        arm.iteration,
    )
