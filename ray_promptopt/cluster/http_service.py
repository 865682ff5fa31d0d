"""An ASGI app in an actor of its own: the embedded models and the shipped task apps of a run.

The service ends with the actor, and the actor with the job, so nothing is left running.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

import ray
import uvicorn
from ray.exceptions import RayTaskError

from ray_promptopt.cluster.calls import own_error
from ray_promptopt.core.errors import ClusterError

LOOPBACK = "127.0.0.1"
AsgiApp = Callable[..., Any]


class HttpService:
    """Serves what `build` returns on a free loopback port, from `start` until the actor ends."""

    def __init__(self, build: Callable[[], AsgiApp], environ: Mapping[str, str]) -> None:
        os.environ.update(environ)
        self._build = build
        self._serving: asyncio.Task[None] | None = None

    @ray.method
    async def start(self) -> str:
        """Serve, and return the base URL. Raises ClusterError when the app cannot be built."""
        try:
            app = self._build()
        except Exception as error:
            raise ClusterError(f"the service cannot start: {error}") from error
        listener = socket.create_server((LOOPBACK, 0), backlog=2048)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        self._serving = asyncio.create_task(server.serve(sockets=[listener]))
        return f"http://{LOOPBACK}:{listener.getsockname()[1]}"


HttpServiceActor = ray.remote(num_cpus=0, max_restarts=0)(HttpService)


def start_service(name: str, build: Callable[[], AsgiApp], environ: Mapping[str, str]) -> str:
    """The base URL of a service that ends with this job. Raises ClusterError."""
    service = HttpServiceActor.options(name=name).remote(build, environ)
    _KEPT.append(service)
    try:
        return ray.get(service.start.remote())
    except RayTaskError as error:
        raise own_error(error) from error


_KEPT: list[object] = []
"""Handles of this driver's services: an actor ends when its last handle is gone."""
