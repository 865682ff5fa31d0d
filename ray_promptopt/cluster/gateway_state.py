"""The gateway's state as one actor, and what its replicas need of it and of rollout workers.

The actor is detached: it lives as long as the gateway, beyond the run that started it.
"""

import asyncio
from collections.abc import Callable, Sequence

import ray
from ray.actor import ActorProxy
from ray.exceptions import ActorDiedError

from ray_promptopt.cluster.calls import call
from ray_promptopt.cluster.names import GATEWAY_STATE, NAMESPACE, run_actor, worker_at
from ray_promptopt.cluster.placement import ON_HEAD
from ray_promptopt.cluster.published import publish, published
from ray_promptopt.cluster.rollout_worker import RolloutWorkerHandle
from ray_promptopt.core.ids import RunId
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.state import GatewayState
from ray_promptopt.gateway.traces import TraceEvent

_LOOK_FOR_LOST_RUNS_EVERY_S = 5.0


class GatewayStateHost:
    """`GatewayState` in a process of its own. After a crash it still knows the best prompts."""

    def __init__(self) -> None:
        self._state = GatewayState()
        for binding in published():
            self._state.serve_best(binding)
        self._one_at_a_time = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    @ray.method
    async def alone(self, work: Callable[[], str]) -> str:
        """Do the work here while nobody else does any: what must happen once in a cluster."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(work)

    @ray.method
    async def register(self, binding: TrialBinding) -> None:
        """See `GatewayState`."""
        self._state.register(binding)
        if self._watching is None:
            self._watching = asyncio.create_task(self._revoke_trials_of_lost_runs())

    @ray.method
    async def resolve(self, reference: str) -> TrialBinding | None:
        """See `GatewayState`."""
        return self._state.resolve(reference)

    @ray.method
    async def serve_best(self, binding: TrialBinding) -> None:
        """See `GatewayState`."""
        publish(binding)  # not in a thread: memory and store must keep the same one
        self._state.serve_best(binding)

    @ray.method
    async def revoke_run(self, run_id: str) -> None:
        """See `GatewayState`."""
        self._state.revoke_run(run_id)

    async def _revoke_trials_of_lost_runs(self) -> None:
        """A run that was killed with its driver could not revoke its trial ids itself."""
        while True:
            await asyncio.sleep(_LOOK_FOR_LOST_RUNS_EVERY_S)
            for run_id in self._state.runs():
                if not await asyncio.to_thread(_is_alive, run_id):
                    self._state.revoke_run(run_id)


def _is_alive(run_id: RunId) -> bool:
    try:
        ray.get_actor(run_actor(run_id), namespace=NAMESPACE)
    except ValueError:
        return False
    return True


# Every call may be made twice without harm, so that calls wait for a restart instead of failing.
# On the head, which no autoscaler takes away, and where Serve's proxy will listen.
GatewayStateActor = ray.remote(num_cpus=0, resources=ON_HEAD, max_restarts=-1, max_task_retries=-1)(
    GatewayStateHost
)

GatewayStateHandle = ActorProxy[GatewayStateHost]


def gateway_state() -> GatewayStateHandle:
    """The cluster's one gateway state, made by whoever asks first."""
    return GatewayStateActor.options(
        name=GATEWAY_STATE,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        max_concurrency=10_000,
        # Ray would keep 4 KB of each call in the cluster's head, up to hundreds of MB.
        enable_task_events=False,
    ).remote()


class GatewayPorts:
    """A `StatePort` over the actors."""

    def __init__(self, state: GatewayStateHandle) -> None:
        self._state = state
        self._workers: dict[str, RolloutWorkerHandle] = {}

    async def resolve(self, reference: str) -> TrialBinding | None:
        """See `StatePort`."""
        return await call(GATEWAY_STATE, self._state.resolve.remote(reference))

    async def record(self, home: str, events: Sequence[TraceEvent]) -> None:
        """See `StatePort`. Nobody waits for the calls of a worker that is gone for good."""
        try:
            if home and home not in self._workers:
                self._workers[home] = await asyncio.to_thread(_find_worker, home)
            if home:
                await self._workers[home].record.remote(events)
        except (ValueError, ActorDiedError):
            self._workers.pop(home, None)


def _find_worker(home: str) -> RolloutWorkerHandle:
    worker: RolloutWorkerHandle = ray.get_actor(worker_at(home), namespace=NAMESPACE)
    return worker
