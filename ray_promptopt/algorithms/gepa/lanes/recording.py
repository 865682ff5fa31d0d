"""Notes an outcome in the lane or landing that asked for it, and pays for rollouts."""

from ray_promptopt.algorithms.gepa.lanes.jobs import Job, Lane
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.lanes.stages import LandingStage, LaneStage
from ray_promptopt.algorithms.gepa.mutation import Scored, component_of
from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.parsing import parse_reflection
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import (
    EvaluateCandidate,
    FailedOutcome,
    ProposalOutcome,
    RolloutOutcome,
    WorkItem,
)


def record_rollout(
    search: LaneSearch, job: Job, item: EvaluateCandidate, outcome: RolloutOutcome
) -> None:
    """Note a score where it belongs; what is learnt on training examples is known to all."""
    search.budget.commit(1, 1)
    job.reserved -= 1
    seed = item.example.seed
    result = Scored(outcome.score, outcome.evidence)
    if item.example.part is Part.TRAIN:
        search.known.note(item.candidate.id, seed, result)
    if isinstance(job, Lane):
        if job.stage is LaneStage.PARENT_MINIBATCH:
            job.before[seed] = result
        else:
            job.after[seed] = outcome.score
        return
    if job.stage is LandingStage.TARGET_MINIBATCH:
        job.target_scores[seed] = outcome.score
        return
    if job.stage is LandingStage.GATE:
        job.gate_scores[seed] = outcome.score
    if item.example.part is Part.VALIDATION:
        job.measurements[seed] = Measurement.of(outcome)


def record_proposal(search: LaneSearch, job: Job, outcome: ProposalOutcome) -> None:
    """Read the new text of a component, or note why there is none."""
    component = component_of(outcome.work_id)
    current = job.parent if isinstance(job, Lane) else job.target
    result = parse_reflection(
        outcome.text,
        truncated=outcome.truncated,
        current_text=current.texts[component],
        required=search.required[component],
        max_tokens=search.settings.max_prompt_tokens,
    )
    job.rewrite.take(component, result)


def record_failure(search: LaneSearch, job: Job, item: WorkItem, outcome: FailedOutcome) -> None:
    """Note a lost item: a rollout is not scored, and its reservation is given back."""
    if not isinstance(item, EvaluateCandidate):
        job.rewrite.lose(component_of(outcome.work_id), outcome.error)
        return
    search.budget.release(1)
    job.reserved -= 1
    if isinstance(job, Lane) or item.example.part is Part.VALIDATION:
        job.lost_rollouts[item.example.seed] = outcome.error
