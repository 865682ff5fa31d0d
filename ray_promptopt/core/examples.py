"""Which rows of the task app's data a run may touch, and for what."""

from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """What an example may be used for: learning, choosing, or the one final report."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True, order=True)
class Example:
    """One task instance: a seed (row index in the task app's data) in one part."""

    part: Part
    seed: int

    def __str__(self) -> str:
        return f"{self.part}:{self.seed}"
