"""Categorical TPE, asked and told from outside: what is suggested follows from the trials alone.

Nothing is remembered between suggestions, so a search that was rebuilt from its trials goes on
as if never stopped.
"""

from ray_promptopt.algorithms.mipro.tpe.sampler import TpeSettings, suggest
from ray_promptopt.algorithms.mipro.tpe.space import Point, Space, Trial, Variable

__all__ = ["Point", "Space", "TpeSettings", "Trial", "Variable", "suggest"]
