"""The task app contract: models, a FastAPI server for authors, a client for runs, a checker."""

from ray_promptopt.taskapp.app import TaskAppConfig, create_task_app, run_task_app
from ray_promptopt.taskapp.contract import (
    RolloutMetrics,
    RolloutRequest,
    RolloutResponse,
    RolloutStep,
    RolloutTrajectory,
    TaskInfo,
)
from ray_promptopt.taskapp.datasets import TaskDatasetRegistry, TaskDatasetSpec
from ray_promptopt.taskapp.policy import call_policy, chat_completions_url
from ray_promptopt.taskapp.rubrics import Criterion, Rubric, RubricBundle

__all__ = [
    "Criterion",
    "RolloutMetrics",
    "RolloutRequest",
    "RolloutResponse",
    "RolloutStep",
    "RolloutTrajectory",
    "Rubric",
    "RubricBundle",
    "TaskAppConfig",
    "TaskDatasetRegistry",
    "TaskDatasetSpec",
    "TaskInfo",
    "call_policy",
    "chat_completions_url",
    "create_task_app",
    "run_task_app",
]
