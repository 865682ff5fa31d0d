"""A distributed prompt optimizer on Ray. Public names load lazily; importing this loads no Ray."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray_promptopt.python_api import load_run, optimize, resume

__all__ = ["load_run", "optimize", "resume"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("ray_promptopt.python_api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
