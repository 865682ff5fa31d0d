"""Real processes of a run: start the command, find its Ray actors by name, wait for a condition."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def start_command(
    *arguments: str, cwd: Path, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """`ray-promptopt …` in a process group of its own, its output captured in text."""
    command = [sys.executable, "-m", "ray_promptopt.cli", *arguments]
    return subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_ctrl_c,
    )


def _heed_ctrl_c() -> None:
    # A suite that was started in the background ignores it, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run_command(
    *arguments: str,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = 240.0,
) -> subprocess.CompletedProcess[str]:
    """Run to the end; a command that hangs is ended and fails the test."""
    return finish(start_command(*arguments, cwd=cwd, environ=environ), timeout_s=timeout_s)


def finish(
    process: "subprocess.Popen[str]", timeout_s: float = 120.0
) -> "subprocess.CompletedProcess[str]":
    """Wait for the end of a command; one that hangs is ended and fails the test with its output."""
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        raise AssertionError(f"{error}:\n{stdout[-2000:]}\n{stderr[-2000:]}") from error
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def wait_for(condition: Callable[[], T | None], *, what: str, timeout_s: float = 60.0) -> T:
    """Poll until the condition gives something true; AssertionError names what never came."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {timeout_s:.0f} s")


def wait_while_running(
    process: "subprocess.Popen[str]", condition: Callable[[], bool], timeout_s: float = 90.0
) -> None:
    """Poll until the condition holds; a command that ends or hangs before fails with its output."""
    try:
        wait_for(
            lambda: process.poll() is not None or condition(),
            what="the moment",
            timeout_s=timeout_s,
        )
        assert process.poll() is None, "the command ended too early"
    except AssertionError as error:
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(f"{error}:\n{stdout[-2000:]}\n{stderr[-2000:]}") from error


def descendants(pid: int) -> dict[int, str]:
    """Process id → title of everything below a process (Ray titles actors `ray::ClassName…`)."""
    children: dict[int, list[int]] = {}
    titles: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            titles[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ").strip()
        except (OSError, ValueError):
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found[child] = titles[child]
            waiting.append(child)
    return found


def actor_pids(driver: int, class_name: str) -> list[int]:
    """The live processes below `driver` that hold an actor of the class."""
    return [
        pid for pid, title in descendants(driver).items() if title.startswith(f"ray::{class_name}")
    ]


def still_alive(pids: list[int]) -> list[int]:
    """Those of the processes that exist and are not zombies."""
    alive = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            alive.append(pid)
    return alive
