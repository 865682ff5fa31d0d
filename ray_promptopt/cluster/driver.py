"""The driver's side of a run: start the services and the coordinator, follow it, stop it.

Ctrl-C and SIGTERM (what `ray job stop` sends) ask the coordinator to stop cleanly; a second one
leaves at once (the journal keeps all).
"""

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

import ray
from ray.actor import ActorProxy
from ray.exceptions import ActorAlreadyExistsError, GetTimeoutError, RayActorError, RayTaskError

from ray_promptopt.cluster import names
from ray_promptopt.cluster.calls import own_error
from ray_promptopt.cluster.embedded import start_embedded_models
from ray_promptopt.cluster.gateway import ensure_gateway
from ray_promptopt.cluster.http_service import start_service
from ray_promptopt.cluster.launch import Launch
from ray_promptopt.cluster.placement import here, require_reachable
from ray_promptopt.cluster.run_host import RunActor, RunHost
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.errors import ClusterError
from ray_promptopt.runs.progress import ProgressSnapshot
from ray_promptopt.tasks.registry import build_task_app

_POLL_S = 0.25
_PATHS_OF_TASK_APPS = ("BANKING77_DIR", "TASK_APP_REQUEST_LOG")
OnProgress = Callable[[ProgressSnapshot], None]


def start_services(config: RunConfig, launch: Launch) -> Launch:
    """Start what the config asks for on the connected Ray; the launch with every URL filled in.

    Raises ClusterError when a service does not come up.
    """
    task_app_url = config.task_app.url
    api_key = config.task_app.api_key.get_secret_value()
    if task_app_url is None:
        api_key = secrets.token_urlsafe(24)
        task_app_url = _start_task_app(str(config.task_app.id), launch.run_id, api_key)
    gateway_url = ensure_gateway(config.gateway.host, config.gateway.port)
    gateway_url = config.gateway.public_url or gateway_url
    embedded_url = start_embedded_models(config)
    require_reachable(gateway_url, embedded=embedded_url is not None)
    return replace(
        launch,
        embedded_url=embedded_url,
        task_app_url=task_app_url,
        task_app_api_key=api_key,
        gateway_url=gateway_url,
    )


def follow(launch: Launch, on_progress: OnProgress) -> None:
    """Run the coordinator to its end. What came of it is in the store.

    Raises what the coordinator raised, and ClusterError when it was lost.
    """
    try:
        # The store and the run's folder are files of this node.
        coordinator = RunActor.options(
            name=names.run_actor(launch.run_id), scheduling_strategy=here()
        ).remote(launch)
    except ActorAlreadyExistsError as error:
        raise ClusterError(
            f"run {launch.run_id} is being run on this cluster already: wait for its end"
        ) from error
    with _sigterm_interrupts() as signalled:
        _await_end(launch, coordinator, on_progress, signalled)


def _await_end(
    launch: Launch,
    coordinator: ActorProxy[RunHost],
    on_progress: OnProgress,
    signalled: threading.Event,
) -> None:
    running = coordinator.run.remote()
    stopping = False
    while True:
        try:
            on_progress(ray.get(coordinator.progress.remote()))
            ray.get(running, timeout=_POLL_S)
            on_progress(ray.get(coordinator.progress.remote()))
            return
        except GetTimeoutError:
            continue
        except KeyboardInterrupt:
            if stopping:
                raise
            stopping = True
            by = "SIGTERM" if signalled.is_set() else "Ctrl-C"
            coordinator.request_stop.remote(f"stopped by {by}")
        except RayTaskError as error:
            raise own_error(error) from error
        except RayActorError as error:
            raise ClusterError(
                f"the coordinator of {launch.run_id} was lost; everything it counted is in the "
                f"store, continue with `ray-promptopt resume {launch.run_id}`"
            ) from error


@contextmanager
def _sigterm_interrupts() -> Iterator[threading.Event]:
    """SIGTERM becomes a KeyboardInterrupt, where signals can be handled: in the main thread.

    The event says that it was SIGTERM: what the exception carries is lost inside `ray.get`.
    """
    signalled = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield signalled
        return

    def interrupt(_signum: int, _frame: FrameType | None) -> None:
        signalled.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield signalled
    finally:
        signal.signal(signal.SIGTERM, before)


def _start_task_app(name: str, run_id: str, api_key: str) -> str:
    """A shipped task app of the run's own; paths in its environment are made absolute."""
    environ = {"ENVIRONMENT_API_KEY": api_key}
    for variable in _PATHS_OF_TASK_APPS:
        if os.environ.get(variable):
            environ[variable] = str(Path(os.environ[variable]).resolve())
    return start_service(names.task_app(name, run_id), partial(build_task_app, name), environ)
