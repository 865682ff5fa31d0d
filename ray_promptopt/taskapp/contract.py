"""The wire contract of `/rollout`: lenient in what is read, exact in what is sent.

Unknown fields are ignored, as existing task apps and clients expect.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class WireModel(BaseModel):
    """A message of the contract. `null` is as good as left out, a number as good as its text:
    some languages write empty lists and ids so."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}


class RolloutEnv(WireModel):
    """Which example to run. `seed` is a row index; `config.split` names the data split."""

    env_id: str | None = None
    env_name: str | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None


class RolloutPolicy(WireModel):
    """How to reach the model (`config.inference_url`), and how to sample. Never a prompt."""

    policy_id: str | None = None
    policy_name: str | None = None
    config: dict[str, Any] = Field(default_factory=dict)


class RolloutRecord(WireModel):
    """What the caller wants recorded."""

    trajectories: bool = True
    logprobs: bool = False
    value: bool = False
    return_trace: bool = False
    trace_format: Literal["compact", "full", "structured"] = "compact"


class RolloutSafety(WireModel):
    """Limits of one rollout."""

    max_ops: int = 100_000
    max_time_s: float = 3600.0


class RolloutRequest(WireModel):
    """The body of `POST /rollout`."""

    run_id: str
    env: RolloutEnv
    policy: RolloutPolicy
    ops: list[Any]
    mode: Literal["rl", "eval"]
    record: RolloutRecord = Field(default_factory=RolloutRecord)
    on_done: str = "reset"
    safety: RolloutSafety = Field(default_factory=RolloutSafety)
    training_session_id: str | None = None
    synth_base_url: str | None = None


class RolloutStep(WireModel):
    """One step of an episode; `info.feedback` may say in words what was right or wrong."""

    obs: Any = None
    tool_calls: list[Any] = Field(default_factory=list)
    reward: float | None = None
    done: bool = False
    truncated: bool | None = None
    info: dict[str, Any] | None = None


class RolloutTrajectory(WireModel):
    """One episode."""

    env_id: str = ""
    policy_id: str = ""
    steps: list[RolloutStep] = Field(default_factory=list)
    final: Any = None
    length: int = 0
    inference_url: str = ""


class RolloutMetrics(WireModel):
    """The scores. `mean_return` is the reward; `details.feedback` may explain it in words."""

    episode_returns: list[float] = Field(default_factory=list)
    mean_return: float | None = None
    num_steps: int = 0
    num_episodes: int = 0
    outcome_score: float | None = None
    outcome_reward: float | None = None
    reward_mean: float | None = None
    events_score: float | None = None
    details: dict[str, Any] = Field(default_factory=dict)


class RolloutResponse(WireModel):
    """The body of a rollout's answer."""

    run_id: str = ""
    trajectories: list[RolloutTrajectory] = Field(default_factory=list)
    branches: dict[str, Any] = Field(default_factory=dict)
    metrics: RolloutMetrics
    aborted: bool = False
    ops_executed: int = 0
    trace_correlation_id: str | None = None
    trace: dict[str, Any] | None = None
    pipeline_metadata: dict[str, Any] = Field(default_factory=dict)


class TaskInfo(WireModel):
    """What a task is about, in general or for one seed."""

    task: dict[str, Any] = Field(default_factory=dict)
    environment: Any = None
    dataset: dict[str, Any] = Field(default_factory=dict)
    rubric: dict[str, Any] = Field(default_factory=dict)
    inference: dict[str, Any] = Field(default_factory=dict)
    limits: dict[str, Any] = Field(default_factory=dict)
    task_metadata: dict[str, Any] = Field(default_factory=dict)
