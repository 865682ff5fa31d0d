"""The gateway on Ray Serve as a run has it, with trials of its own. Imports Ray: what Serve reads
from the environment must be there before."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray

from benchmarks.serving.plain import binding
from benchmarks.serving.processes import HOST
from ray_promptopt.cluster.gateway import ensure_gateway
from ray_promptopt.cluster.gateway_state import gateway_state
from ray_promptopt.cluster.names import NAMESPACE, rollout_home, rollout_worker, run_actor
from ray_promptopt.cluster.session import LOCAL, ray_session
from ray_promptopt.core.ids import CorrelationId, RunId, TrialId, new_run_id
from ray_promptopt.core.trace import Trace
from ray_promptopt.gateway.traces import TraceEvent, TraceLedger


@ray.remote(num_cpus=0)
class LivingRun:
    """The gateway's state revokes the trials of a run of which there is no actor."""


@ray.remote(num_cpus=0)
class Ledger:
    """What a rollout worker is to the gateway: the place where traces are awaited."""

    def __init__(self, home: str) -> None:
        self._ledger = TraceLedger(home)

    async def expect(self) -> CorrelationId:
        """See `TraceLedger`."""
        return self._ledger.expect()

    async def record(self, events: Sequence[TraceEvent]) -> None:
        """See `TraceLedger`."""
        self._ledger.record(events)

    async def barrier(self, correlation_id: CorrelationId) -> Trace:
        """See `TraceLedger`."""
        return await self._ledger.barrier(correlation_id)


class GatewayOnRay:
    """Runs and their trials at a gateway that stands."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._state = gateway_state()
        run_id = new_run_id()
        named = Ledger.options(name=rollout_worker(run_id, 0), namespace=NAMESPACE)  # type: ignore[attr-defined]
        self._ledger: Any = named.remote(rollout_home(run_id, 0))
        self._runs: dict[RunId, Any] = {}

    async def expect(self) -> CorrelationId:
        """An id to call under."""
        correlation_id: CorrelationId = await self._ledger.expect.remote()
        return correlation_id

    async def barrier(self, correlation_id: CorrelationId) -> Trace:
        """What was recorded under it."""
        trace: Trace = await self._ledger.barrier.remote(correlation_id)
        return trace

    def begin_run(self) -> RunId:
        """A run that lives until it is ended."""
        run_id = new_run_id()
        named = LivingRun.options(name=run_actor(run_id), namespace=NAMESPACE)  # type: ignore[attr-defined]
        self._runs[run_id] = named.remote()
        return run_id

    def add_trial(self, run_id: RunId, base_url: str) -> TrialId:
        """A candidate of the run."""
        trial = binding(run_id, base_url)
        ray.get(self._state.register.remote(trial))
        return trial.trial_id

    def end_run(self, run_id: RunId) -> None:
        """As a run's coordinator does at the end."""
        ray.get(self._state.revoke_run.remote(run_id))
        ray.kill(self._runs.pop(run_id))


@contextmanager
def gateway_on_ray() -> Iterator[GatewayOnRay]:
    """A local Ray with nothing but the gateway, until the end of the block."""
    with ray_session(LOCAL, dashboard=False):
        yield GatewayOnRay(ensure_gateway(HOST, 0))
