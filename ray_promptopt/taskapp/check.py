"""Exercising a task app as a run would, with a recording stand-in for the model.

No model is called and nothing is spent: the stand-in answers with whatever the request's tools
allow. Every finding says what was seen and what to do.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.taskapp.client import TaskAppClient
from ray_promptopt.taskapp.rewards import reward_of

_TIMEOUT_S = 30.0
_TRIAL = "trial-" + "0" * 32
_REFUSALS = (400, 401, 403)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at; `remedy` is for when it is not `ok`."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


async def check_task_app(
    url: str, api_key: str, *, seeds: Sequence[int] = (0, 1), split: str | None = None
) -> list[CheckResult]:
    """Everything that was looked at, in order; ends early when the app cannot be reached."""
    client = TaskAppClient(url, api_key, timeout_s=_TIMEOUT_S)
    try:
        results = [await _answers("GET /health", client.health)]
        if not results[0].ok:
            return results
        results.append(await _refuses_wrong_key(url))
        results.append(await _answers("GET /info", client.info))
        results.append(await _answers("GET /task_info", client.task_info))
        async with _recording_model() as model:
            for seed in seeds:
                results += await _rollout(client, model, seed, split)
            results.append(_same_messages(model, seeds))
        return results
    finally:
        await client.aclose()


@dataclass
class _RecordingModel:
    """A chat server on loopback that keeps what it was asked."""

    base_url: str
    calls: list[tuple[str, dict[str, Any]]]


@asynccontextmanager
async def _recording_model() -> AsyncIterator[_RecordingModel]:
    app = FastAPI()
    calls: list[tuple[str, dict[str, Any]]] = []

    @app.post("/{path:path}")
    async def complete(path: str, request: Request) -> dict[str, Any]:
        try:
            sent = await request.json()
        except ValueError:
            sent = None
        body: dict[str, Any] = sent if isinstance(sent, dict) else {}
        calls.append((f"/{path}?{request.url.query}", body))
        return _legal_answer(body)

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield _RecordingModel(f"http://127.0.0.1:{listener.getsockname()[1]}", calls)
    finally:
        server.should_exit = True
        await serving


def _legal_answer(body: dict[str, Any]) -> dict[str, Any]:
    """A completion that the request allows: its first tool with empty strings, else a text."""
    message: dict[str, Any] = {"role": "assistant", "content": "check"}
    call = _legal_call(body.get("tools"))
    if call is not None:
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_check", "type": "function", "function": call}],
        }
    return {
        "id": "check",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "check"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _legal_call(tools: Any) -> dict[str, str] | None:
    """A call of the first tool; None when there is none that could be called."""
    try:
        function = tools[0]["function"]
        name, parameters = function["name"], function.get("parameters") or {}
        properties = (parameters.get("properties") or {}).items()
        arguments = {key: (schema.get("enum") or [""])[0] for key, schema in properties}
    except (TypeError, LookupError, AttributeError):
        return None
    return {"name": name, "arguments": json.dumps(arguments)}


async def _answers(name: str, question: Callable[[], Awaitable[object]]) -> CheckResult:
    try:
        await question()
    except TaskAppError as error:
        return CheckResult(name, False, str(error), "mend this first; the rest depends on it")
    return CheckResult(name, True, "answers")


async def _refuses_wrong_key(url: str) -> CheckResult:
    """An open /health is allowed, as long as what follows it is not."""
    stranger = TaskAppClient(url, "not-the-key", timeout_s=_TIMEOUT_S)
    try:
        for question in (stranger.health, stranger.task_info):
            try:
                await question()
            except TaskAppError as error:
                if error.status_code in _REFUSALS:
                    return CheckResult("wrong key", True, f"is refused ({error.status_code})")
    finally:
        await stranger.aclose()
    return CheckResult(
        "wrong key",
        False,
        "was let in",
        "require ENVIRONMENT_API_KEY (X-API-Key) on every route, or anybody may call it",
    )


async def _rollout(
    client: TaskAppClient, model: _RecordingModel, seed: int, split: str | None
) -> list[CheckResult]:
    name = f"POST /rollout, seed {seed}"
    correlation_id = f"trace_{seed:032x}"
    before = len(model.calls)
    request = _request(model.base_url, seed, split, correlation_id)
    try:
        reward = reward_of(await client.rollout(request))
    except TaskAppError as error:
        return [CheckResult(name, False, str(error), "the task app's own log tells more")]
    calls = model.calls[before:]
    results = [CheckResult(name, True, f"reward {reward:g} (the stand-in's answer is meaningless)")]
    if not calls:
        remedy = "post the chat completion to policy.config.inference_url, not to a provider"
        return [*results, CheckResult("model call", False, "none reached the given URL", remedy)]
    path, body = calls[0]
    kept = correlation_id in path and _TRIAL in path
    results.append(
        CheckResult(
            "inference URL",
            kept,
            f"was called as {path.split('?')[0]}, {'with' if kept else 'without'} its cid",
            "keep the path and the query of the inference_url that the request gives",
        )
    )
    count = len(_messages(body))
    results.append(
        CheckResult(
            "messages",
            count > 0,
            f"{count} messages, {len(calls)} call(s)",
            "send a list of messages with role and content, as OpenAI's API takes it",
        )
    )
    return results


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    sent = body.get("messages")
    return [m for m in sent if isinstance(m, dict)] if isinstance(sent, list) else []


def _same_messages(model: _RecordingModel, seeds: Sequence[int]) -> CheckResult:
    """Whether there is static text to optimise: the calls of different seeds share some."""
    systems = {
        json.dumps([m for m in _messages(body) if m.get("role") in ("system", "developer")])
        for _, body in model.calls
        if _messages(body)
    }
    if not systems:
        return CheckResult("prompt", False, "no message was seen", "see above")
    same = len(systems) == 1 or len(seeds) < 2
    words = "is the same for every seed" if same else "differs between seeds (it holds data)"
    return CheckResult("prompt", True, f"the system text {words}")


def _request(base_url: str, seed: int, split: str | None, correlation_id: str) -> dict[str, Any]:
    config: dict[str, Any] = {"index": seed}
    if split is not None:
        config["split"] = split
    return {
        "run_id": "check",
        "env": {"seed": seed, "config": config},
        "policy": {
            "policy_name": "check",
            "config": {
                "model": "check",
                "provider": "openai_compatible",
                "inference_url": f"{base_url}/v1/{_TRIAL}?cid={correlation_id}",
                "trace_correlation_id": correlation_id,
                "temperature": 0.0,
                "max_completion_tokens": 256,
            },
        },
        "ops": ["agent", "env"],
        "record": {"trajectories": True},
        "on_done": "reset",
        "mode": "eval",
    }
