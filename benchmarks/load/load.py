"""What is run, and what is measured of it. Imports no Ray: Serve reads its environment once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Load:
    """What is run. `num_validation` rows are one evaluation that nothing holds up."""

    name: str
    schedule: Literal["async", "reference"]
    max_concurrent: int
    policy_median_s: float
    reflection_median_s: float
    num_validation: int
    rollout_budget: int
    num_nodes: int = 1
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """`bound_s` is what the models' latencies alone take at the limit on concurrency.

    `utilisation` is its share of the wall clock between the first and the last result;
    `cpu_ms` is per rollout, by kind of process.
    """

    load: Load
    rollouts: int
    proposals: int
    wall_s: float
    bound_s: float
    rollouts_per_s: float
    utilisation: float
    start_up_s: float
    cpu_ms: dict[str, float]
    load_average: float
    """Of the machine, over the last minute: how many processes compete for its cores."""

    @property
    def cpu_ms_per_rollout(self) -> float:
        """Over all processes beside task app and models."""
        return sum(self.cpu_ms.values())
