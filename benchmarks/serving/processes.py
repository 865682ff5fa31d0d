"""Processes of a benchmark: an ASGI app in one of its own, and what a family of them uses."""

import multiprocessing
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psutil
import uvicorn

HOST = "127.0.0.1"


class Serving(NamedTuple):
    """Where it listens, and the process whose family does the work."""

    url: str
    pid: int


def serve_app(build: Callable[..., Any], listener: socket.socket, *arguments: Any) -> None:
    """Serve what `build(*arguments)` makes until the process ends."""
    config = uvicorn.Config(
        build(*arguments), log_level="critical", access_log=False, lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def app_process(build: Callable[..., Any], *arguments: Any) -> Iterator[Serving]:
    """An ASGI app on a free port, in a process of its own, until the end of the block."""
    listener = socket.create_server((HOST, 0), backlog=512)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve_app, args=(build, listener, *arguments), daemon=True)
    process.start()
    assert process.pid is not None
    try:
        yield Serving(f"http://{HOST}:{listener.getsockname()[1]}", process.pid)
    finally:
        process.terminate()
        process.join()
        listener.close()


def cpu_s(pid: int) -> float:
    """User and system time of a process and of all below it."""
    used = 0.0
    owner = psutil.Process(pid)
    for process in [owner, *owner.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        used += times.user + times.system
    return used


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])
