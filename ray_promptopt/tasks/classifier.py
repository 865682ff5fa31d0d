"""A single-label text classifier as a task app: one model call with one tool, exact match.

The two shipped tasks differ in their data and their words alone.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import HTTPException, Request

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.taskapp import (
    Criterion,
    RolloutMetrics,
    RolloutRequest,
    RolloutResponse,
    RolloutStep,
    RolloutTrajectory,
    Rubric,
    RubricBundle,
    TaskAppConfig,
    TaskInfo,
    call_policy,
)
from ray_promptopt.taskapp.transport import unlimited_transport


@dataclass(frozen=True, slots=True)
class Row:
    """One example."""

    text: str
    label: str


@dataclass(frozen=True)
class ClassifierTask:
    """`splits` by name; a seed is an index into its split."""

    app_id: str
    name: str
    description: str
    instruction: str
    tool_name: str
    splits: Mapping[str, Sequence[Row]]
    default_split: str
    labels: Sequence[str]

    def row(self, seed: int, split: str | None) -> Row:
        """Raises HTTPException (400) on a split or a seed that does not exist."""
        chosen = split or self.default_split
        if chosen not in self.splits:
            raise HTTPException(400, f"split {chosen!r}: choose one of {sorted(self.splits)}")
        rows = self.splits[chosen]
        if not 0 <= seed < len(rows):
            raise HTTPException(
                400, f"seed {seed}: split {chosen!r} has seeds 0 to {len(rows) - 1}"
            )
        return rows[seed]

    def messages(self, text: str) -> list[dict[str, str]]:
        """The prompt as it stands; what an optimizer improves is the system message."""
        listed = "\n".join(f"{number}. {label}" for number, label in enumerate(self.labels, 1))
        user = (
            f"Customer Query: {text}\n\nAvailable Intents:\n{listed}\n\n"
            f"Classify the query with the {self.tool_name} tool."
        )
        return [
            {"role": "system", "content": self.instruction},
            {"role": "user", "content": user},
        ]

    def tool(self) -> dict[str, Any]:
        """The one tool, which the model must call."""
        return {
            "type": "function",
            "function": {
                "name": self.tool_name,
                "description": "Give the intent of the customer's query.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "intent": {"type": "string", "description": "One of the listed intents."}
                    },
                    "required": ["intent"],
                },
            },
        }


def answered_label(message: Mapping[str, Any]) -> str | None:
    """The intent in the model's tool call; None when it made no usable one."""
    for call in message.get("tool_calls") or []:
        try:
            arguments = json.loads(call["function"]["arguments"])
        except (KeyError, TypeError, ValueError):
            continue
        if isinstance(arguments, dict) and isinstance(arguments.get("intent"), str):
            return str(arguments["intent"]).strip()
    return None


def feedback(row: Row, answered: str | None) -> str:
    """What was right or wrong, in words."""
    if answered is None:
        return f"No usable tool call was made. Expected {row.label} for: {row.text!r}"
    if is_right(row, answered):
        return f"Correct: {row.label}."
    return f"Expected {row.label} but the answer was {answered} for: {row.text!r}"


def is_right(row: Row, answered: str | None) -> bool:
    """Exact match, but for case and what stands between words."""
    return answered is not None and _normalised(answered) == _normalised(row.label)


def _normalised(label: str) -> str:
    return label.strip().lower().replace(" ", "_").replace("-", "_")


def classifier_config(task: ClassifierTask) -> TaskAppConfig:
    """The task app of a classifier task."""
    client: list[httpx.AsyncClient] = []

    def http() -> httpx.AsyncClient:
        # Made in the loop that serves, on the first rollout.
        if not client:
            client.append(httpx.AsyncClient(timeout=120.0, transport=unlimited_transport()))
        return client[0]

    async def rollout(request: RolloutRequest, _: Request) -> RolloutResponse:
        config = request.policy.config
        for needed in ("model", "inference_url"):
            if not config.get(needed):
                raise HTTPException(400, f"policy.config.{needed} is missing")
        seed = request.env.seed if request.env.seed is not None else request.env.config.get("index")
        if not isinstance(seed, int):
            raise HTTPException(400, "env.seed is missing")
        row = task.row(seed, request.env.config.get("split"))
        messages = task.messages(row.text)
        try:
            answer = await call_policy(
                http(), config, messages, tools=[task.tool()], tool_choice="required"
            )
        except UpstreamError as error:
            raise HTTPException(error.status_code or 502, str(error)) from error
        return _response(request, row, messages, answer["choices"][0]["message"])

    async def close() -> None:
        for opened in client:
            await opened.aclose()

    return TaskAppConfig(
        app_id=task.app_id,
        name=task.name,
        description=task.description,
        base_task_info=_task_info(task),
        describe_taskset=lambda: {
            "id": task.app_id,
            "splits": {name: len(rows) for name, rows in task.splits.items()},
            "default_split": task.default_split,
            "labels": list(task.labels),
        },
        provide_task_instances=lambda seeds: _instances(task, seeds),
        rollout=rollout,
        rubrics=_RUBRICS,
        program=ClassifierTask.messages,
        shutdown_hooks=(close,),
    )


_RUBRICS = RubricBundle(
    outcome=Rubric(
        version="1",
        goal_text="Name the intent of the customer's query.",
        criteria=[Criterion(id="intent", description="The intent is the expected one.")],
    )
)


def _task_info(task: ClassifierTask) -> TaskInfo:
    return TaskInfo(
        task={"id": task.app_id, "name": task.name, "version": "1.0"},
        environment=task.app_id,
        dataset={"id": task.app_id, "splits": sorted(task.splits)},
        rubric={"version": "1"},
        inference={"tool": task.tool_name},
        limits={"max_turns": 1},
    )


def _instances(task: ClassifierTask, seeds: Iterable[int]) -> list[TaskInfo]:
    base = _task_info(task)
    return [
        base.model_copy(
            update={
                "task_metadata": {
                    "seed": seed,
                    "split": task.default_split,
                    "query": task.row(seed, None).text,
                }
            }
        )
        for seed in seeds
    ]


def _response(
    request: RolloutRequest,
    row: Row,
    messages: list[dict[str, str]],
    message: Mapping[str, Any],
) -> RolloutResponse:
    answered = answered_label(message)
    correct = is_right(row, answered)
    reward = 1.0 if correct else 0.0
    words = feedback(row, answered)
    step = RolloutStep(
        obs={"query": row.text},
        tool_calls=list(message.get("tool_calls") or []),
        reward=reward,
        done=True,
        info={"messages": messages, "feedback": words},
    )
    return RolloutResponse(
        run_id=request.run_id,
        trajectories=[
            RolloutTrajectory(
                env_id=request.env.env_name or "",
                policy_id=request.policy.policy_name or "",
                steps=[step],
                length=1,
                inference_url=str(request.policy.config["inference_url"]),
            )
        ],
        metrics=RolloutMetrics(
            episode_returns=[reward],
            mean_return=reward,
            num_steps=1,
            num_episodes=1,
            outcome_score=reward,
            details={
                "correct": correct,
                "feedback": words,
                "predicted": answered,
                "expected": row.label,
            },
        ),
        ops_executed=len(request.ops),
        trace_correlation_id=request.policy.config.get("trace_correlation_id"),
    )
