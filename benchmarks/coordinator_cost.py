"""What both sides of the coordinator benchmark share: the synthetic scores, and what is told."""

import resource
import sys
from dataclasses import dataclass

import numpy as np

NUM_TIMED = 5
_MB = 1024**2


@dataclass(frozen=True)
class Cost:
    """CPU time at one size. `event_us` is the mean over the whole growth to it; iterations are
    medians at the full size, of the search alone: no model, task app or disk. `grown_mb` is of
    the peak."""

    name: str
    candidates: int
    examples: int
    event_us: float | None
    rejected_ms: float | None
    accepted_ms: float | None
    grown_mb: float
    front_size: int
    saving_ms: float | None = None


def scores_of(number: int, num_examples: int) -> list[float]:
    """Right or wrong by a coin that improves with the candidate's number: fronts tie a lot."""
    chance = 0.3 + 0.4 * number / (number + 100)
    scores: list[float] = (
        (np.random.default_rng(number).random(num_examples) < chance).astype(float).tolist()
    )
    return scores


def peak_mb() -> float:
    """The most memory that this process has held (kilobytes on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MB if sys.platform == "darwin" else peak / 1024
