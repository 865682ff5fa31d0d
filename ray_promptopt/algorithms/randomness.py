"""Random streams derived from (seed, purpose, task): no stream is shared, so no draw depends on
the order of the others, and nothing about randomness needs to be saved.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np

_MODEL_SEED_LIMIT = 2**31 - 1  # providers take a signed 32-bit sampling seed


def stream(seed: int, purpose: str, task: str | int) -> np.random.Generator:
    """The generator that belongs to this one task; equal arguments give equal draws."""
    name = json.dumps([seed, purpose, str(task)]).encode()
    entropy = int.from_bytes(hashlib.sha256(name).digest()[:16], "big")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def model_seed(seed: int, purpose: str, task: str | int) -> int:
    """A sampling seed for one model call."""
    return int(stream(seed, purpose, task).integers(_MODEL_SEED_LIMIT))


def pick_weighted(rng: np.random.Generator, weights: Sequence[float]) -> int:
    """An index drawn in proportion to `weights`; uniform when they are not all positive."""
    positive = all(weight > 0 for weight in weights)
    cumulative = np.cumsum(weights if positive else [1.0] * len(weights))
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
