"""Answers work items: rollouts by the landscape, proposals by the simulated reflection model."""

from benchmarks.simulation.landscape import Effect, Landscape
from benchmarks.simulation.prompt_reading import MISLED, MISSING
from benchmarks.simulation.reflection_model import reply_to
from benchmarks.simulation.tokens import clean
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import (
    EvaluateCandidate,
    Evidence,
    Outcome,
    ProposalOutcome,
    RolloutOutcome,
    WorkItem,
)

COMPONENT = "system"
INITIAL = Candidate.of({COMPONENT: "Answer the query."})


def answer(landscape: Landscape, item: WorkItem, latency_s: float) -> Outcome:
    """What the world says to this item; a function of the item and the landscape alone."""
    if isinstance(item, EvaluateCandidate):
        return _roll_out(landscape, item, latency_s)
    return ProposalOutcome(item.work_id, reply_to(item, landscape.settings), latency_s=latency_s)


def _roll_out(landscape: Landscape, item: EvaluateCandidate, latency_s: float) -> RolloutOutcome:
    row = item.example.seed
    effect = landscape.effect(text for _, text in item.candidate.components)
    right, score = landscape.rollout_score(effect, row, item.work_id)
    feedback = "right" if right else _complaint(landscape, effect, row)
    evidence = Evidence(f"query {row}", f"reply to {row}", feedback)
    return RolloutOutcome(item.work_id, score, evidence, latency_s=latency_s)


def _complaint(landscape: Landscape, effect: Effect, row: int) -> str:
    wanted = [f"{MISSING} {clean(lesson)}" for lesson in landscape.missing(effect, row)]
    blamed = [f"{MISLED} {token.word}" for token in landscape.misleading(effect, row)]
    return "wrong: " + ("; ".join([*wanted, *blamed]) or "by bad luck")
