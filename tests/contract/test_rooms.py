"""What holds for every room: no Ray where it has no business, and `__all__` is what is there."""

import importlib
import inspect
import subprocess
import sys

import pytest

PURE_ROOMS = (
    "", ".core", ".config.loader", ".prompts", ".taskapp", ".llm.embedded", ".algorithms.gepa",
    ".gateway", ".rollouts", ".store", ".runs.coordinator", ".report", ".tasks.registry",
    ".cli.main", ".cli.orders", ".cli.results", ".python_api",
)  # fmt: skip
ROOMS = ("core", "config", "prompts", "taskapp", "llm", "algorithms", "gateway", "rollouts",
         "store", "runs", "report", "tasks", "cli", "cluster")  # fmt: skip


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_room_when_imported_alone_then_loads_no_ray(room: str) -> None:
    code = f"import sys, ray_promptopt{room}; sys.exit('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", ["", *(f".{room}" for room in ROOMS)])
def test_room_when_it_exports_then_all_names_every_one_of_them_once(room: str) -> None:
    module = importlib.import_module(f"ray_promptopt{room}")
    exported = list(getattr(module, "__all__", []))
    imported = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "TYPE_CHECKING"
        and getattr(value, "__module__", "").startswith("ray_promptopt")
    }  # fmt: skip
    assert len(exported) == len(set(exported))
    assert all(hasattr(module, name) for name in exported)
    assert imported <= set(exported)
