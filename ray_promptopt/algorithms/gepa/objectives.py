"""What a candidate is measured on: reward, prompt tokens, cost and latency.

Every objective is turned so that higher is better; what is not known is NaN.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.work import RolloutOutcome

ObjectiveName = Literal["reward", "prompt_tokens", "cost", "latency"]

FloatArray = npt.NDArray[np.float64]


class Measurement(NamedTuple):
    """One scored rollout of a candidate on one validation example; None: the cost is unknown."""

    score: float
    cost_usd: float | None = None
    latency_s: float = 0.0

    @classmethod
    def of(cls, outcome: RolloutOutcome) -> "Measurement":
        """What a rollout came to. One call without a price makes the whole cost unknown."""
        spend = outcome.spend
        cost_usd = None if spend.unpriced_calls else spend.cost_usd
        return cls(outcome.score, cost_usd, outcome.latency_s)


def prompt_tokens(candidate: Candidate) -> int:
    """Estimated tokens of all components together."""
    return sum(estimate_tokens(text) for _, text in candidate.components)


def objective_values(
    names: Sequence[ObjectiveName], candidate: Candidate, measurements: Sequence[Measurement]
) -> FloatArray:
    """The measurements as values to maximise; shape (objectives, measurements)."""
    values = np.empty((len(names), len(measurements)))
    for row, name in zip(values, names, strict=True):
        row[:] = _VALUES[name](candidate, measurements)
    return values


def measurement_of(names: Sequence[ObjectiveName], values: Sequence[float]) -> Measurement:
    """The measurement behind one column of `objective_values`, as far as it was kept."""
    kept = dict(zip(names, values, strict=True))
    cost = kept.get("cost", np.nan)
    return Measurement(
        kept["reward"],
        None if np.isnan(cost) else 0.0 - cost,
        0.0 - kept.get("latency", 0.0),
    )


def _costs(candidate: Candidate, measurements: Sequence[Measurement]) -> list[float]:
    return [np.nan if m.cost_usd is None else -m.cost_usd for m in measurements]


_VALUES: dict[ObjectiveName, Callable[[Candidate, Sequence[Measurement]], list[float] | float]] = {
    "reward": lambda candidate, measurements: [m.score for m in measurements],
    "prompt_tokens": lambda candidate, measurements: -float(prompt_tokens(candidate)),
    "cost": _costs,
    "latency": lambda candidate, measurements: [-m.latency_s for m in measurements],
}
