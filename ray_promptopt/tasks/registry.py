"""The shipped task apps by name; each is built, and its data read, only when it is asked for."""

from collections.abc import Callable
from importlib import import_module

from fastapi import FastAPI

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.taskapp import TaskAppConfig, create_task_app

SHIPPED_TASK_APPS = {
    "intents": "ray_promptopt.tasks.intents.app",
    "banking77": "ray_promptopt.tasks.banking77.app",
}
"""Name → module with a `build_config()`."""


def task_app_config(name: str) -> TaskAppConfig:
    """The app's description. Raises TaskAppError on a name that does not ship, or missing data."""
    if name not in SHIPPED_TASK_APPS:
        known = ", ".join(SHIPPED_TASK_APPS)
        raise TaskAppError(
            f"task app {name!r} does not ship; choose one of {known}", retryable=False
        )
    build: Callable[[], TaskAppConfig] = import_module(SHIPPED_TASK_APPS[name]).build_config
    return build()


def build_task_app(name: str) -> FastAPI:
    """The ASGI app of a shipped task."""
    return create_task_app(task_app_config(name))
