"""A task app with as many rows as a load needs, in a process of its own; also its entry point.

Its rows are those of the shipped intents, over and over: every seed is another rollout.
"""

import itertools
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ray_promptopt.taskapp import TaskAppConfig, run_task_app
from ray_promptopt.taskapp.app import KEY_NAME
from ray_promptopt.tasks.classifier import classifier_config
from ray_promptopt.tasks.intents.app import build_task

NUM_ROWS = 20_000
_HOST = "127.0.0.1"
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningTaskApp:
    """Where it is, and the key it wants."""

    url: str
    key: str


@contextmanager
def task_app() -> Iterator[RunningTaskApp]:
    """Runs until the end of the block."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = probe.getsockname()[1]
    app = RunningTaskApp(f"http://{_HOST}:{port}", secrets.token_urlsafe(16))
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load.task_app", str(port)],
        env={**os.environ, KEY_NAME: app.key},
    )
    try:
        _wait_until_up(app.url, process)
        yield app
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1.0):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the task app at {url} did not come up")


def _config() -> TaskAppConfig:
    task = build_task()
    rows = list(itertools.islice(itertools.cycle(task.splits["train"]), NUM_ROWS))
    return classifier_config(replace(task, splits={"train": rows}))


if __name__ == "__main__":
    run_task_app(_config, _HOST, int(sys.argv[1]))
