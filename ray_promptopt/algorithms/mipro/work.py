"""The work items of a job's present stage, and what is noted of their outcomes."""

import math
from collections.abc import Sequence

from ray_promptopt.algorithms.mipro.bootstrap import ScoredRollout, as_seen_by
from ray_promptopt.algorithms.mipro.grounding import (
    ProposalRequest,
    proposal_messages,
    sample_corpus,
    summary_messages,
)
from ray_promptopt.algorithms.mipro.jobs import (
    Evaluation,
    Job,
    Round,
    bootstrap_items,
    proposal_id,
    rung_items,
    slot_in,
    summary_id,
)
from ray_promptopt.algorithms.mipro.rules import all_rollouts
from ray_promptopt.algorithms.mipro.search import Search
from ray_promptopt.algorithms.mipro.stages import EvaluationStage, RoundStage
from ray_promptopt.algorithms.parsing import Refusal, parse_reflection
from ray_promptopt.algorithms.randomness import model_seed, stream
from ray_promptopt.algorithms.tips import tip
from ray_promptopt.core.stages import stage_of
from ray_promptopt.core.work import (
    EvaluateCandidate,
    FailedOutcome,
    ProposalOutcome,
    ProposeText,
    RolloutOutcome,
    WorkItem,
)

_SHOWN_SHARE = 2 / 3  # every proposal sees its own draw of the examples, so that they differ
_LEAST_SHOWN = 3


def items_of(search: Search, job: Job) -> Sequence[WorkItem]:
    """All work of the present stage, answered or not."""
    candidate = search.catalogue.candidate(job.arm)
    match job:
        case Evaluation(stage=EvaluationStage.RUNG):
            return rung_items(job, candidate, search.order)
        case Round(stage=RoundStage.BOOTSTRAP):
            return bootstrap_items(job, candidate)
        case Round(stage=RoundStage.SUMMARY):
            return [_summary(search, job)]
        case Round(stage=RoundStage.PROPOSALS):
            proposals = [_proposal(search, job, slot) for slot in range(len(job.slots))]
            return [
                *proposals,
                *([_summary(search, job)] if _summary_runs_beside(search, job) else []),
            ]
        case _:
            return ()


def _summary_runs_beside(search: Search, job: Round) -> bool:
    """The first proposals need not wait for a summary; those of later rounds have it."""
    return job.number == 0 and not search.settings.is_reference and bool(all_rollouts(search))


def _summary(search: Search, job: Round) -> ProposeText:
    rollouts = [search.train_rollouts[0][s] for s in job.seeds if s in search.train_rollouts[0]]
    corpus = _corpus(search, "summary")
    seed = model_seed(search.settings.rng_seed, "summary", job.number)
    return ProposeText(summary_id(job), summary_messages(rollouts, corpus), seed)


def _proposal(search: Search, job: Round, slot: int) -> ProposeText:
    settings, component = search.settings, job.slots[slot].component
    task = f"{job.number}.{slot}"
    rng = stream(settings.rng_seed, "proposal", task)
    known = search.train_rollouts.get(job.arm, {})
    stage = stage_of(component)
    rollouts = [as_seen_by(stage, known[seed]) for seed in search.train_order if seed in known]
    num_shown = max(_LEAST_SHOWN, math.ceil(_SHOWN_SHARE * len(rollouts)))
    drawn = [rollouts[int(place)] for place in rng.permutation(len(rollouts))[:num_shown]]
    catalogue = search.catalogue
    sets = [chosen for chosen in catalogue.demo_sets[catalogue.stages.index(stage)] if chosen]
    current = catalogue.texts(job.arm)[component]
    request = ProposalRequest(
        current,
        search.required[component],
        tuple(drawn),
        sets[int(rng.integers(len(sets)))] if sets else (),
        job.history.get(component, ()),
        search.summary if job.number or settings.is_reference else "",
        _corpus(search, task),
        tip(slot + 1),
        settings.grounding.roles.get(stage, ""),
    )
    messages = proposal_messages(request, settings.grounding)
    sampling_seed = model_seed(settings.rng_seed, "proposal", task)
    return ProposeText(proposal_id(job, slot), messages, sampling_seed)


def _corpus(search: Search, task: str) -> tuple[str, ...]:
    grounding = search.settings.grounding
    rng = stream(search.settings.rng_seed, "corpus", task)
    return sample_corpus(grounding.reference, grounding.max_reference_tokens, rng)


def record_rollout(
    search: Search, job: Job, item: EvaluateCandidate, outcome: RolloutOutcome
) -> None:
    """Note a score and pay for it."""
    search.budget.commit(1, 1)
    job.reserved -= 1
    seed = item.example.seed
    if isinstance(job, Evaluation):
        job.used += 1
        search.catalogue.arms[job.arm].results[seed] = outcome.score
        search.forget_estimates()
    else:
        rollout = ScoredRollout(seed, outcome.score, outcome.evidence)
        search.train_rollouts.setdefault(job.arm, {})[seed] = rollout


def record_proposal(search: Search, job: Job, outcome: ProposalOutcome) -> None:
    """Read an instruction or the summary; one that cannot be used costs itself, nothing else."""
    assert isinstance(job, Round)
    is_summary = outcome.work_id == summary_id(job)
    slot = None if is_summary else job.slots[slot_in(outcome.work_id)]
    current = "" if slot is None else search.catalogue.texts(job.arm)[slot.component]
    result = parse_reflection(
        outcome.text,
        truncated=outcome.truncated,
        current_text=current,
        required=() if slot is None else search.required[slot.component],
    )
    if isinstance(result, Refusal):
        search.tally.count_discard(result.reason.value)
    elif slot is None:
        search.summary = result
    else:
        slot.text = result


def record_failure(search: Search, job: Job, item: WorkItem, outcome: FailedOutcome) -> None:
    """Note a lost item: a rollout is not scored, and its reservation is given back."""
    if isinstance(item, ProposeText):
        search.tally.count_discard("lost")
        return
    search.budget.release(1)
    job.reserved -= 1
    if job.lost is None:
        job.lost = outcome.error
