"""How long calls take: log-normal, as model calls do. A call's luck belongs to its work id."""

import math
from dataclasses import dataclass

from benchmarks.simulation.chance import standard_normal
from ray_promptopt.core.work import ProposeText, WorkItem


@dataclass(frozen=True, slots=True)
class Latencies:
    """Medians in seconds; `sigma` is the standard deviation of the logarithm."""

    policy_median_s: float = 0.2
    reflection_factor: float = 7.0
    """How many times as long a call of the reflection model takes."""
    sigma: float = 0.5

    def seconds(self, item: WorkItem, seed: int) -> float:
        """The duration of this item in the run of this seed."""
        factor = self.reflection_factor if isinstance(item, ProposeText) else 1.0
        luck = standard_normal(seed, "latency", item.work_id)
        return self.policy_median_s * factor * math.exp(self.sigma * luck)
