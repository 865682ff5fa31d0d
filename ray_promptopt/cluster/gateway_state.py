"""The gateway's state as one actor: trial bindings and the ledger of traces, and its client.

The actor is detached: it lives as long as the gateway, beyond the run that started it.
"""

from collections.abc import Sequence

import ray
from ray.actor import ActorProxy

from ray_promptopt.cluster.calls import call
from ray_promptopt.cluster.names import GATEWAY_STATE, NAMESPACE
from ray_promptopt.core.ids import CorrelationId
from ray_promptopt.core.trace import Trace
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.state import GatewayState, TraceEvent


class GatewayStateHost:
    """`GatewayState` in a process of its own."""

    def __init__(self) -> None:
        self._state = GatewayState()

    @ray.method
    async def register(self, binding: TrialBinding) -> None:
        """See `GatewayState`."""
        self._state.register(binding)

    @ray.method
    async def resolve(self, reference: str) -> TrialBinding | None:
        """See `GatewayState`."""
        return self._state.resolve(reference)

    @ray.method
    async def serve_best(self, binding: TrialBinding) -> None:
        """See `GatewayState`."""
        self._state.serve_best(binding)

    @ray.method
    async def revoke_run(self, run_id: str) -> None:
        """See `GatewayState`."""
        self._state.revoke_run(run_id)

    @ray.method
    async def record(self, events: Sequence[TraceEvent]) -> None:
        """See `GatewayState`."""
        self._state.record(events)

    @ray.method
    async def barrier(self, correlation_id: CorrelationId) -> Trace:
        """See `GatewayState`."""
        return await self._state.barrier(correlation_id)


GatewayStateActor = ray.remote(num_cpus=0, max_restarts=-1)(GatewayStateHost)

GatewayStateHandle = ActorProxy[GatewayStateHost]


def gateway_state() -> GatewayStateHandle:
    """The cluster's one gateway state, made by whoever asks first."""
    return GatewayStateActor.options(
        name=GATEWAY_STATE,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        max_concurrency=10_000,
    ).remote()


class GatewayStateClient:
    """The ports that the gateway's replicas and the rollout workers need, over the actor."""

    def __init__(self, handle: GatewayStateHandle) -> None:
        self._handle = handle

    async def resolve(self, reference: str) -> TrialBinding | None:
        """See `StatePort`."""
        return await call(GATEWAY_STATE, self._handle.resolve.remote(reference))

    async def record(self, events: Sequence[TraceEvent]) -> None:
        """See `StatePort`."""
        await call(GATEWAY_STATE, self._handle.record.remote(events))

    async def barrier(self, correlation_id: CorrelationId) -> Trace:
        """See `TracePort`."""
        return await call(GATEWAY_STATE, self._handle.barrier.remote(correlation_id))
