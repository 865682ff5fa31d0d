"""How far a run is, for the display, the metrics and machines."""

from dataclasses import dataclass
from enum import StrEnum

from ray_promptopt.core.usage import NO_SPEND, Spend

_KNOWN_FROM = 0.02
"""Share of the budget from which on a pace says anything."""


class Phase(StrEnum):
    """What the coordinator is doing."""

    STARTING = "starting"
    BASELINE = "learning the baseline"
    SEARCH = "searching"
    HELD_OUT = "held-out evaluation"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """Counts are of the whole run, also across resumes. Times in seconds, money in USD."""

    phase: Phase = Phase.STARTING
    rollouts: int = 0
    rollout_budget: int = 0
    held_out_rollouts: int = 0
    held_out_total: int = 0
    cost_usd: float = 0.0
    total_tokens: int = 0
    policy_spend: Spend = NO_SPEND
    reflection_spend: Spend = NO_SPEND
    baseline_score: float | None = None
    best_score: float | None = None
    front_size: int = 0
    accepted: int = 0
    rejected: int = 0
    proposals: int = 0
    failed_attempts: int = 0
    in_flight: int = 0
    elapsed_s: float = 0.0
    eta_s: float | None = None
    last_decision: str = ""


def eta_s(done: int, total: int, done_before: int, elapsed_s: float) -> float | None:
    """Seconds until `total`, at the pace since this coordinator started with `done_before` done.

    None at first: the pace of the first few rollouts is that of everything starting up.
    """
    here = done - done_before
    if here < total * _KNOWN_FROM or elapsed_s <= 0 or total <= done:
        return None
    return (total - done) * elapsed_s / here
