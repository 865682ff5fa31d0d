"""The gateway on Ray Serve: one deployment, one hop, shared by all runs of a cluster."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

import ray
from ray import serve
from ray.exceptions import RayActorError, RayTaskError
from ray.serve.context import _check_cached_client_alive, _get_global_client
from ray.serve.exceptions import RayServeException
from ray.serve.schema import ApplicationStatus

from ray_promptopt.cluster.calls import own_error
from ray_promptopt.cluster.gateway_metrics import FLUSH_EVERY_S, GatewayMetrics
from ray_promptopt.cluster.gateway_state import GatewayPorts, gateway_state
from ray_promptopt.cluster.names import GATEWAY_APPLICATION
from ray_promptopt.cluster.placement import ON_HEAD
from ray_promptopt.core.errors import ClusterError
from ray_promptopt.gateway.app import GatewayApp
from ray_promptopt.gateway.traces import LONGEST_BARRIER_S

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LONGEST_START_S = 60.0
_ON_THE_WAY = (ApplicationStatus.NOT_STARTED, ApplicationStatus.DEPLOYING)


class ReplicaApp:
    """The gateway's ASGI app with the lifespan that Serve insists on; one per replica."""

    def __init__(self) -> None:
        self._metrics = GatewayMetrics()
        state = GatewayPorts(gateway_state())
        self._app = GatewayApp(state, observe=self._metrics.observe)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await receive()
        flushing = asyncio.create_task(self._flush())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._app.aclose()
        flushing.cancel()
        self._metrics.flush(self._app.load)
        await send({"type": "lifespan.shutdown.complete"})

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            self._metrics.flush(self._app.load)


def build_replica_app() -> ReplicaApp:
    """Called by Serve on each replica."""
    return ReplicaApp()


def gateway_application(num_replicas: int = 1) -> serve.Application:
    """What `serve.run` and `serve deploy` take."""
    # Serve's default of 5 ongoing requests would starve a gateway that mostly waits.
    deployment = serve.deployment(
        name="gateway",
        num_replicas=num_replicas,
        max_ongoing_requests=2000,
        # Beside the proxy and the embedded models; provider keys are needed on no other node.
        ray_actor_options={"num_cpus": 0, "resources": ON_HEAD},
        # A replica that ends finishes its calls, for as long as any rollout waits for one.
        graceful_shutdown_timeout_s=LONGEST_BARRIER_S,
    )(serve.ingress(build_replica_app)())
    application: serve.Application = deployment.bind()
    return application


def ensure_gateway(host: str, port: int) -> str:
    """The base URL of the cluster's gateway, started on `host:port` (0: any free port) if absent.

    A gateway that runs already is used as it is. Raises ClusterError when the port is taken, when
    a running Serve listens elsewhere than asked, or when the gateway does not come up.
    """
    # Two runs may begin at the same time: the state, of which there is one, lets one in at a time.
    try:
        return ray.get(gateway_state().alone.remote(partial(_ensure, host, port)))
    except RayTaskError as error:
        raise own_error(error) from error


def gateway_runs() -> bool:
    """Whether the cluster has a gateway already."""
    return GATEWAY_APPLICATION in serve.status().applications


def _ensure(host: str, port: int) -> str:
    # This process outlives `serve shutdown`: a controller that it knew of may be gone.
    _check_cached_client_alive()
    try:
        return _started(host, port)
    except (RayActorError, RayServeException) as error:
        raise ClusterError(
            f"Ray Serve ended while the gateway was being started ({type(error).__name__}); "
            "when `serve status` shows nothing any more, run this again"
        ) from error


def _started(host: str, port: int) -> str:
    _start_serve(host, port)
    listening = _http_address()
    if port and listening[1] != port:
        raise ClusterError(
            f"gateway.port = {port}: Ray Serve of this cluster listens on {listening[1]} already; "
            f"set gateway.port to {listening[1]} or 0, or stop it with `serve shutdown`"
        )
    if not gateway_runs():
        serve.run(gateway_application(), name=GATEWAY_APPLICATION, route_prefix="/")
    _await_running()
    return f"http://{listening[0]}:{listening[1]}"


def _await_running() -> None:
    """`serve deploy` returns before the gateway is up, so that it may be on its way still."""
    deadline_s = time.monotonic() + _LONGEST_START_S
    status = serve.status().applications[GATEWAY_APPLICATION]
    while status.status in _ON_THE_WAY and time.monotonic() < deadline_s:
        time.sleep(0.2)
        status = serve.status().applications[GATEWAY_APPLICATION]
    if status.status is not ApplicationStatus.RUNNING:
        raise ClusterError(
            f"the gateway is {status.status}: {status.message or 'no reason given'}; "
            "see `serve status`, or remove it with `serve shutdown` and start again"
        )


def _start_serve(host: str, port: int) -> None:
    if _get_global_client(raise_if_no_controller_running=False) is not None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ClusterError(
                f"gateway.port = {port}: {host}:{port} cannot be listened on ({error.strerror}); "
                "choose another port, or 0 for any free one"
            ) from error
        free_port = probe.getsockname()[1]
    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": host, "port": free_port, "access_log": False},
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
    )


def _http_address() -> tuple[str, int]:
    client = _get_global_client()
    if client is None:
        raise ClusterError("Ray Serve ended while the gateway was being started")
    options = client.http_config
    host = "127.0.0.1" if options.host in (None, "0.0.0.0") else options.host
    return host, int(options.port)
