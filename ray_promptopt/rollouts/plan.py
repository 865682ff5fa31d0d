"""What a rollout sends to the task app: every field that shipped apps require, never a prompt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import CorrelationId, TrialId


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """The same for all rollouts of a run. `splits` names the task app's data split of each part."""

    run_id: str
    task_app_url: str
    task_app_api_key: str = field(repr=False)
    gateway_url: str
    model: str
    provider: str
    env_name: str
    env_config: Mapping[str, Any]
    splits: Mapping[Part, str | None]
    temperature: float | None
    max_completion_tokens: int | None
    timeout_s: float


def inference_url(gateway_url: str, trial_id: TrialId, correlation_id: CorrelationId) -> str:
    """The base URL that the task app calls the model at; its secrets are the two ids."""
    return f"{gateway_url.rstrip('/')}/v1/{trial_id}?cid={correlation_id}"


def rollout_request(
    settings: RolloutSettings, example: Example, trial_id: TrialId, correlation_id: CorrelationId
) -> dict[str, Any]:
    """The body of `POST /rollout`."""
    env_config = {**settings.env_config, "index": example.seed}
    split = settings.splits.get(example.part)
    if split is not None:
        env_config["split"] = split
    policy_config: dict[str, Any] = {
        "model": settings.model,
        "provider": settings.provider,
        "inference_url": inference_url(settings.gateway_url, trial_id, correlation_id),
        "trace_correlation_id": correlation_id,
    }
    if settings.temperature is not None:
        policy_config["temperature"] = settings.temperature
    if settings.max_completion_tokens is not None:
        policy_config["max_completion_tokens"] = settings.max_completion_tokens
    return {
        "run_id": settings.run_id,
        "env": {"env_name": settings.env_name, "seed": example.seed, "config": env_config},
        "policy": {"policy_name": "ray_promptopt", "config": policy_config},
        "ops": ["agent", "env"],
        "record": {"trajectories": True},
        "on_done": "reset",
        "mode": "eval",
    }
