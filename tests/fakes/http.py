"""Real HTTP on loopback in a test's own event loop: a scripted model and a careless task app."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.taskapp.policy import call_policy

MESSAGES = ({"role": "user", "content": "Where is my parcel?"},)


@contextlib.asynccontextmanager
async def serving(app: Callable[..., Any]) -> AsyncIterator[str]:
    """The base URL of the app while the block lasts."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


class ScriptedModel:
    """A model server that gives these status codes, one per request; 200 when they run out."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.num_calls = 0
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        self.num_calls += 1
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            return JSONResponse({"error": {"message": "scripted", "code": None}}, status)
        message = {"role": "assistant", "content": "It is on its way."}
        return JSONResponse(
            {
                "id": "x",
                "object": "chat.completion",
                "model": "m",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9},
            }
        )


class CarelessApp:
    """A task app that swallows every failure of the model and reports a reward of 0."""

    def __init__(self, *, calls_per_rollout: int = 1) -> None:
        self._calls_per_rollout = calls_per_rollout
        self.num_rollouts = 0
        self.after_call: Callable[[], None] = lambda: None
        self.app = Starlette(routes=[Route("/rollout", self._rollout, methods=["POST"])])

    async def _rollout(self, request: Request) -> Response:
        self.num_rollouts += 1
        config = (await request.json())["policy"]["config"]
        reward = 1.0
        async with httpx.AsyncClient(timeout=10.0) as client:
            for nth in range(self._calls_per_rollout):
                try:
                    # Different calls, not one that is tried again.
                    await call_policy(client, config, MESSAGES, seed=nth)
                except UpstreamError:
                    reward = 0.0
                self.after_call()
        return JSONResponse({"metrics": {"mean_return": reward}})
