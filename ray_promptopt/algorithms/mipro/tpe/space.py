"""What is searched: categorical variables, points in them, and trials at points."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Point = tuple[int, ...]
"""The chosen choice of every variable, in the space's order."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One categorical. Choices are ids that keep their meaning when others are taken away."""

    name: str
    choices: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.choices or len(set(self.choices)) < len(self.choices):
            raise ValueError(f"variable {self.name!r} needs distinct choices, got {self.choices}")


@dataclass(frozen=True, slots=True)
class Trial:
    """One point and its score, higher is better; None while it runs."""

    point: Point
    score: float | None


@dataclass(frozen=True, slots=True)
class Space:
    """The variables, in a fixed order."""

    variables: tuple[Variable, ...]

    @property
    def size(self) -> int:
        """How many points there are."""
        return math.prod(len(variable.choices) for variable in self.variables)

    def holds(self, point: Point) -> bool:
        """Whether every choice of the point is still there."""
        return all(
            choice in variable.choices
            for choice, variable in zip(point, self.variables, strict=True)
        )

    def draw(self, rng: np.random.Generator) -> Point:
        """A point, uniformly."""
        return tuple(
            variable.choices[int(rng.integers(len(variable.choices)))]
            for variable in self.variables
        )

    def point_of(self, places: Sequence[int]) -> Point:
        """The point at these places among the choices of each variable."""
        return tuple(
            variable.choices[place] for variable, place in zip(self.variables, places, strict=True)
        )
