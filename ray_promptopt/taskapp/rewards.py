"""Reading a rollout's answer: the reward, wherever the app puts it, and the feedback in words."""

import math
from typing import NamedTuple

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.taskapp.contract import RolloutResponse


def reward_of(response: RolloutResponse) -> float:
    """`mean_return`, else the outcome's score, else `details.correct`.

    Raises TaskAppError when there is no finite number: a missing score is never 0.
    """
    metrics = response.metrics
    named = (
        metrics.mean_return,
        metrics.outcome_score,
        metrics.outcome_reward,
        metrics.reward_mean,
        metrics.details.get("correct"),
    )
    for value in named:
        if isinstance(value, int | float):
            if math.isfinite(value):
                return float(value)
            raise TaskAppError(
                f"the task app's reward is {value}: send a finite number in metrics.mean_return",
                retryable=False,
            )
    raise TaskAppError(
        "the task app's answer has no reward: send a number in metrics.mean_return",
        retryable=False,
    )


class Labels(NamedTuple):
    """What the app read out of the model's answer, and what it should have read."""

    predicted: str
    expected: str


def labels_of(response: RolloutResponse) -> Labels | None:
    """`predicted` and `expected` of the details or the last step; None unless it gives both."""
    infos = [step.info or {} for trajectory in response.trajectories for step in trajectory.steps]
    for told in (response.metrics.details, *reversed(infos)):
        predicted, expected = told.get("predicted"), told.get("expected")
        if isinstance(predicted, str) and isinstance(expected, str) and predicted and expected:
            return Labels(predicted, expected)
    return None


def feedback_of(response: RolloutResponse) -> str:
    """The app's own words about the rollout; empty when it has none."""
    words = [response.metrics.details.get("feedback")]
    for trajectory in response.trajectories:
        words += [(step.info or {}).get("feedback") for step in trajectory.steps]
    spoken = dict.fromkeys(word.strip() for word in words if isinstance(word, str))
    return "\n".join(word for word in spoken if word)
