"""GEPA: reflective evolution of prompts over a Pareto front (arXiv 2507.19457)."""

from ray_promptopt.algorithms.gepa.lanes.optimizer import AsyncGepaOptimizer
from ray_promptopt.algorithms.gepa.optimizer import GepaOptimizer
from ray_promptopt.algorithms.gepa.settings import GepaSettings

__all__ = ["AsyncGepaOptimizer", "GepaOptimizer", "GepaSettings"]
