"""Rollout workers: stateless async actors, and the pool that spreads attempts over them.

A worker that dies is restarted by Ray; the attempts it held are reported lost and tried again.
"""

import ray

from ray_promptopt.cluster.calls import call
from ray_promptopt.cluster.gateway_state import GatewayStateClient, GatewayStateHandle
from ray_promptopt.cluster.names import rollout_worker
from ray_promptopt.core.ids import TrialId
from ray_promptopt.core.work import EvaluateCandidate
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.plan import RolloutSettings
from ray_promptopt.rollouts.result import RolloutResult
from ray_promptopt.rollouts.runner import RolloutRunner
from ray_promptopt.taskapp.client import TaskAppClient


class RolloutWorker:
    """Holds a connection to the task app; every attempt is independent of all others."""

    def __init__(self, settings: RolloutSettings, state: GatewayStateHandle) -> None:
        client = TaskAppClient(
            settings.task_app_url, settings.task_app_api_key, timeout_s=settings.timeout_s
        )
        self._runner = RolloutRunner(settings, client, GatewayStateClient(state))

    @ray.method
    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        """One attempt."""
        return await self._runner.run(item, trial_id, baseline)


RolloutWorkerActor = ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy="SPREAD")(
    RolloutWorker
)


class RolloutPool:
    """A `RolloutPort` over workers: each attempt goes to the one with the fewest in flight."""

    def __init__(
        self,
        settings: RolloutSettings,
        state: GatewayStateHandle,
        *,
        num_workers: int,
        max_concurrent: int,
    ) -> None:
        self._workers = [
            RolloutWorkerActor.options(
                name=rollout_worker(settings.run_id, number), max_concurrency=max_concurrent
            ).remote(settings, state)
            for number in range(num_workers)
        ]
        self._in_flight = [0] * num_workers

    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        """Raises PortLost when the worker died with this attempt in hand."""
        number = min(range(len(self._workers)), key=self._in_flight.__getitem__)
        self._in_flight[number] += 1
        try:
            answer = self._workers[number].run.remote(item, trial_id, baseline)
            return await call(f"rollout worker {number}", answer)
        finally:
            self._in_flight[number] -= 1
