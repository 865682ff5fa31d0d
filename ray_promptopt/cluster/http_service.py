"""An ASGI app in an actor of its own: the embedded models, and the shipped task apps of runs.

A task app's actor ends with its job. A shared service is detached: it lives as long as the
cluster, as the gateway does, because prompts are served after the run that found them.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

import ray
import uvicorn
from ray.actor import ActorProxy
from ray.exceptions import RayTaskError

from ray_promptopt.cluster.calls import own_error
from ray_promptopt.cluster.names import NAMESPACE
from ray_promptopt.cluster.placement import ON_HEAD, here
from ray_promptopt.core.errors import ClusterError

LOOPBACK = "127.0.0.1"
AsgiApp = Callable[..., Any]


class HttpService:
    """Serves what `build` returns on a free loopback port, from `start` until the actor ends."""

    def __init__(self, build: Callable[[], AsgiApp], environ: Mapping[str, str]) -> None:
        os.environ.update(environ)
        self._build = build
        self._serving: asyncio.Task[None] | None = None
        self._url = ""

    @ray.method
    async def start(self) -> str:
        """Serve unless it serves already, and return the base URL.

        Raises ClusterError when the app cannot be built.
        """
        if self._url:
            return self._url
        try:
            app = self._build()
        except Exception as error:
            raise ClusterError(f"the service cannot start: {error}") from error
        listener = socket.create_server((LOOPBACK, 0), backlog=2048)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        self._serving = asyncio.create_task(server.serve(sockets=[listener]))
        self._url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        return self._url


HttpServiceActor = ray.remote(num_cpus=0, max_restarts=0)(HttpService)


def start_service(name: str, build: Callable[[], AsgiApp], environ: Mapping[str, str]) -> str:
    """The base URL of a service on this node that ends with this job. Raises ClusterError."""
    service = HttpServiceActor.options(
        name=name, namespace=NAMESPACE, scheduling_strategy=here()
    ).remote(build, environ)
    _KEPT.append(service)
    return _started(service)


def share_service(name: str, build: Callable[[], AsgiApp]) -> str:
    """The base URL of the cluster's service of this name on the head, where the gateway is.

    It is started by whoever asks first.
    """
    return _started(
        HttpServiceActor.options(
            name=name,
            namespace=NAMESPACE,
            lifetime="detached",
            get_if_exists=True,
            resources=ON_HEAD,
        ).remote(build, {})
    )


def _started(service: ActorProxy[HttpService]) -> str:
    try:
        return ray.get(service.start.remote())
    except RayTaskError as error:
        raise own_error(error) from error


_KEPT: list[object] = []
"""Handles of this driver's services: an actor ends when its last handle is gone."""
