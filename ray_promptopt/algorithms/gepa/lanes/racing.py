"""Racing: an evaluation ends early when it is clear that the child is worse. Pure.

All evaluations take the validation examples in one order, so that they share the first ones.
"""

import math
from collections.abc import Mapping

from ray_promptopt.algorithms.gepa.population import Population

_FEWEST = 8
"""Common examples before a verdict."""
_STANDARD_ERRORS = 2.0
_SHARDS = 4
_SMALLEST_SHARD = 16


def shard_size(num_validation: int) -> int:
    """Rollouts between two verdicts."""
    return max(_SMALLEST_SHARD, math.ceil(num_validation / _SHARDS))


def is_hopeless(child: Mapping[int, float], population: Population) -> bool:
    """Whether the paired difference to the best is clearly negative, and the child better than
    everybody on no example."""
    best = population.scores(population.best)
    differences = [score - best[seed] for seed, score in child.items() if seed in best]
    count = len(differences)
    if count < _FEWEST:
        return False
    mean = sum(differences) / count
    variance = sum((d - mean) ** 2 for d in differences) / (count - 1)
    if mean + _STANDARD_ERRORS * math.sqrt(variance / count) >= 0:
        return False
    top = population.top_rewards()
    return not any(score > top.get(seed, -math.inf) for seed, score in child.items())
