"""Measurements for tests that care about rewards alone."""

from collections.abc import Mapping

from ray_promptopt.algorithms.gepa.objectives import Measurement


def rewards(scores: Mapping[int, float]) -> dict[int, Measurement]:
    """Seed to measurement, of cost and latency 0."""
    return {seed: Measurement(score, 0.0) for seed, score in scores.items()}
