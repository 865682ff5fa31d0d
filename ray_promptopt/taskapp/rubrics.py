"""Rubrics: what a judge looks at, with weights."""

from typing import Literal

from pydantic import BaseModel, Field


class Criterion(BaseModel):
    """One thing to look at."""

    id: str
    description: str
    weight: float = Field(default=1.0, gt=0)
    required: bool = False


class Rubric(BaseModel):
    """Criteria and how their scores are put together."""

    version: str
    goal_text: str | None = None
    criteria: list[Criterion] = Field(default_factory=list)
    aggregation: Literal["sum", "weighted_sum", "custom", "inherit"] = "weighted_sum"


class RubricBundle(BaseModel):
    """The rubrics of a task: for the outcome, and for single events."""

    outcome: Rubric | None = None
    events: Rubric | None = None
