"""From a description of a task to its HTTP service. Porting an app is a change of import."""

import hmac
import inspect
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from starlette.middleware.cors import CORSMiddleware

from ray_promptopt.taskapp.contract import RolloutRequest, RolloutResponse, TaskInfo
from ray_promptopt.taskapp.datasets import TaskDatasetRegistry
from ray_promptopt.taskapp.request_log import RequestLog
from ray_promptopt.taskapp.rubrics import RubricBundle

KEY_NAME = "ENVIRONMENT_API_KEY"
ALIASES_NAME = "ENVIRONMENT_API_KEY_ALIASES"
LOG_NAME = "TASK_APP_REQUEST_LOG"

Hook = Callable[[], None] | Callable[[], Awaitable[None]]
RolloutHandler = Callable[[RolloutRequest, Request], Awaitable[RolloutResponse]]


@dataclass(frozen=True)
class TaskAppConfig:
    """A task: who it is, its instances, and how one rollout is run.

    `program` is the code that `/metadata` shows to proposers; `request_log` names a file that
    gets one line per request, to prove what the app was sent.
    """

    app_id: str
    name: str
    description: str
    base_task_info: TaskInfo
    describe_taskset: Callable[[], Mapping[str, Any]]
    provide_task_instances: Callable[[Sequence[int]], Iterable[TaskInfo]]
    rollout: RolloutHandler
    dataset_registry: TaskDatasetRegistry | None = None
    rubrics: RubricBundle = field(default_factory=RubricBundle)
    routers: Sequence[APIRouter] = ()
    app_state: Mapping[str, Any] = field(default_factory=dict)
    require_api_key: bool = True
    cors_origins: Sequence[str] = ()
    startup_hooks: Sequence[Hook] = ()
    shutdown_hooks: Sequence[Hook] = ()
    program: Callable[..., Any] | None = None
    request_log: Path | None = None


def create_task_app(config: TaskAppConfig) -> FastAPI:
    """The ASGI app of a task."""
    app = FastAPI(title=config.name, description=config.description)
    for name, value in config.app_state.items():
        setattr(app.state, name, value)
    for hook in config.startup_hooks:
        app.router.on_startup.append(hook)
    for hook in config.shutdown_hooks:
        app.router.on_shutdown.append(hook)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=[*config.cors_origins], allow_methods=["*"]
        )
    log = config.request_log or os.environ.get(LOG_NAME)
    if log:
        app.add_middleware(RequestLog, path=Path(log))
    _add_open_routes(app, config)
    _add_keyed_routes(app, config)
    for router in config.routers:
        app.include_router(router)
    return app


def run_task_app(
    factory: Callable[[], TaskAppConfig],
    host: str = "127.0.0.1",
    port: int = 8102,
    env_files: Sequence[Path] = (),
) -> None:
    """Serve until interrupted. `KEY=value` lines of `env_files` go into the environment."""
    for path in env_files:
        for line in path.read_text().splitlines():
            name, separator, value = line.strip().partition("=")
            if separator and not name.startswith("#"):
                os.environ.setdefault(name.strip(), value.strip().strip("\"'"))
    uvicorn.run(create_task_app(factory()), host=host, port=port, access_log=False)


def require_key(request: Request) -> None:
    """503 when the app has no key, 400 when the caller's is not it (as existing clients expect)."""
    expected = [
        key
        for name in (KEY_NAME, ALIASES_NAME)
        for key in os.environ.get(name, "").split(",")
        if key.strip()
    ]
    if not expected:
        raise HTTPException(503, f"{KEY_NAME} is not set where this task app was started")
    given = _keys_of(request)
    if not any(
        hmac.compare_digest(key.strip().encode(), mine.strip().encode())
        for key in given
        for mine in expected
    ):
        raise HTTPException(400, "the API key is missing or wrong: send it as X-API-Key")


def _keys_of(request: Request) -> list[str]:
    keys = [request.headers.get("x-api-key", "")]
    keys += request.headers.get("x-api-keys", "").split(",")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        keys.append(token)
    return [key for key in keys if key.strip()]


def _add_open_routes(app: FastAPI, config: TaskAppConfig) -> None:
    @app.get("/")
    @app.head("/")
    async def root() -> dict[str, str]:
        return {"status": "ok", "service": config.app_id}

    if config.program is not None:
        source = inspect.getsource(config.program)
        module = inspect.getmodule(config.program)

        @app.get("/metadata")
        async def metadata() -> dict[str, str]:
            return {
                "program_code": source,
                "module_path": module.__name__ if module else "",
                "extraction_method": "inspect",
            }


def _add_keyed_routes(app: FastAPI, config: TaskAppConfig) -> None:
    keyed = [Depends(require_key)] if config.require_api_key else []

    @app.get("/health", dependencies=keyed)
    async def health() -> dict[str, Any]:
        prefix = os.environ.get(KEY_NAME, "")[:4]
        return {
            "healthy": True,
            "auth": {"required": config.require_api_key, "expected_prefix": f"{prefix}…"},
        }

    @app.get("/info", dependencies=keyed)
    async def info() -> dict[str, Any]:
        base = config.base_task_info
        return {
            "service": {"task": base.task, "version": base.task.get("version", "")},
            "dataset": base.dataset,
            "rubrics": config.rubrics.model_dump(mode="json"),
            "inference": base.inference,
            "limits": base.limits,
        }

    @app.get("/task_info", dependencies=keyed)
    async def task_info(
        seed: int | None = None,
        seeds: list[int] = Query(default=[]),  # noqa: B008 - FastAPI's way of declaring a list
    ) -> Any:
        if seed is None and not seeds:
            return {"taskset": dict(config.describe_taskset())}
        wanted = seeds if seed is None else [seed, *seeds]
        rows = [row.model_dump(mode="json") for row in config.provide_task_instances(wanted)]
        return rows[0] if seed is not None and not seeds else rows

    @app.post("/rollout", dependencies=keyed)
    async def rollout(body: RolloutRequest, request: Request) -> dict[str, Any]:
        response = await config.rollout(body, request)
        return response.model_dump(mode="json")

    @app.post("/done", dependencies=keyed)
    async def done() -> dict[str, bool]:
        return {"ok": True}
