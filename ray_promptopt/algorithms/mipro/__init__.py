"""MIPRO: demonstrations and proposed instructions, searched by TPE (arXiv 2406.11695)."""

from ray_promptopt.algorithms.mipro.optimizer import MiproOptimizer
from ray_promptopt.algorithms.mipro.settings import (
    GroundingSettings,
    MiproSettings,
    StageLimits,
    UpdateSettings,
)

__all__ = ["GroundingSettings", "MiproOptimizer", "MiproSettings", "StageLimits", "UpdateSettings"]
