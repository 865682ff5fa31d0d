"""How good each combination is, from scores on different numbers of common seeds.

A score is the sum of a mean, an effect of the combination and an effect of the seed, fitted by
alternating least squares with shrinkage. So a combination is not thought good because its seeds
were easy, and few scores say less than many.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_ARM_PRIOR = 1.0  # as many scores at the mean as every combination is given to begin with
_SEED_PRIOR = 0.5
_ROUNDS = 30
_CLEAR = 1.28  # standard errors: one in ten that is as good is dropped by bad luck


def estimates(results: Sequence[Mapping[int, float]], seeds: Sequence[int]) -> list[float]:
    """The estimated score of each combination over all seeds; `results` are seed to score."""
    table: FloatArray = np.full((len(results), len(seeds)), np.nan)
    column = {seed: place for place, seed in enumerate(seeds)}
    for row, scores in enumerate(results):
        for seed, score in scores.items():
            table[row, column[seed]] = score
    known = ~np.isnan(table)
    if not known.any():
        return [0.0] * len(results)
    mean = float(table[known].mean())
    rest = np.where(known, table - mean, 0.0)
    arm_counts, seed_counts = known.sum(axis=1), known.sum(axis=0)
    seed_effects: FloatArray = np.zeros(len(seeds))
    arm_effects: FloatArray = np.zeros(len(results))
    for _ in range(_ROUNDS):
        arm_effects = (rest - known * seed_effects).sum(axis=1) / (arm_counts + _ARM_PRIOR)
        left = (rest - known * arm_effects[:, None]).sum(axis=0)
        seed_effects = left / (seed_counts + _SEED_PRIOR)
    shown = seed_counts > 0
    offset = mean + float(seed_effects[shown].mean())
    return [round(offset + float(effect), 9) for effect in arm_effects]


def clearly_worse(mine: Mapping[int, float], best: Mapping[int, float]) -> bool:
    """Whether the paired difference on common seeds is below zero by more than its error.

    Needs three common seeds; a draw on all of them decides nothing.
    """
    differences = np.asarray([mine[seed] - best[seed] for seed in mine if seed in best])
    if len(differences) < 3:
        return False
    error = float(differences.std(ddof=1)) / len(differences) ** 0.5
    return bool(float(differences.mean()) + _CLEAR * error < 0.0)
