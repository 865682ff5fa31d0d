"""A pipeline as a task app: one call suggests an intent, a second one checks the suggestion.

Both stages send a system message that ends in the same long list, to one URL, as real pipelines do.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
from fastapi import Request

from ray_promptopt.taskapp import (
    RolloutMetrics,
    RolloutRequest,
    RolloutResponse,
    TaskAppConfig,
    call_policy,
    run_task_app,
)
from ray_promptopt.tasks.classifier import answered_label, classifier_config, feedback, is_right
from ray_promptopt.tasks.intents.app import build_task

SUGGEST = "You read what a customer of an online shop writes and suggest its intent."
CHECK = "You are given a query with a suggested intent. Confirm the suggestion or correct it."

_TASK = build_task()
_LISTED = "\n\nAvailable Intents:\n" + "\n".join(
    f"{number}. {label}" for number, label in enumerate(_TASK.labels, 1)
)


def suggest(query: str) -> list[dict[str, str]]:
    """The first stage's messages."""
    return [
        {"role": "system", "content": SUGGEST + _LISTED},
        {"role": "user", "content": f"Customer Query: {query}\n\nSuggest one of the intents."},
    ]


def check(query: str, suggested: str) -> list[dict[str, str]]:
    """The second stage's messages."""
    user = f"Customer Query: {query}\n\nSuggested Intent: {suggested}\n\nGive the final intent."
    return [
        {"role": "system", "content": CHECK + _LISTED},
        {"role": "user", "content": user},
    ]


async def rollout(request: RolloutRequest, _: Request) -> RolloutResponse:
    """Both calls, one after the other."""
    config = request.policy.config
    row = _TASK.row(request.env.seed or 0, request.env.config.get("split"))
    async with httpx.AsyncClient(timeout=60.0) as http:
        suggested = await _answer(http, config, suggest(row.text))
        final = await _answer(http, config, check(row.text, suggested or "unknown"))
    reward = float(is_right(row, final))
    details = {"feedback": feedback(row, final)}
    return RolloutResponse(metrics=RolloutMetrics(mean_return=reward, details=details))


async def _answer(
    http: httpx.AsyncClient, config: Mapping[str, Any], messages: list[dict[str, str]]
) -> str | None:
    tools = [_TASK.tool()]
    answer = await call_policy(http, config, messages, tools=tools, tool_choice="required")
    return answered_label(answer["choices"][0]["message"])


def build_config() -> TaskAppConfig:
    """The intents task with the pipeline in place of its one call."""
    return replace(classifier_config(_TASK), rollout=rollout, require_api_key=False)


if __name__ == "__main__":
    run_task_app(build_config, port=int(sys.argv[1]))
