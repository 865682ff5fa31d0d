"""What one attempt at a rollout came to: a score with its evidence, or an error with its kind."""

from dataclasses import dataclass
from enum import StrEnum

from ray_promptopt.core.trace import Trace
from ray_promptopt.core.usage import NO_SPEND, Spend
from ray_promptopt.core.work import Evidence


class ErrorKind(StrEnum):
    """Whose fault it was, which decides what happens next."""

    INFRASTRUCTURE = "infrastructure"
    """Worker, network, task app outage, upstream outage: try again."""
    REJECTED = "rejected"
    """Trying again cannot help (the task app refuses the seed, substitution failed)."""
    FATAL = "fatal"
    """No rollout of this run can succeed (wrong key, unknown model, no quota): stop the run."""


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """A bad rollout is data, not a crash."""

    kind: ErrorKind
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class RolloutResult:
    """Exactly one of `score` and `error` is set. Spend counts whether it succeeded or not."""

    trace: Trace
    latency_s: float
    score: float | None = None
    evidence: Evidence | None = None
    error: ErrorRecord | None = None
    spend: Spend = NO_SPEND
