"""Rollout workers: stateless async actors, and the pool that spreads attempts over them.

A worker that dies is restarted by Ray; the attempts it held are reported lost and tried again.
"""

import asyncio

import ray

from ray_promptopt.cluster.calls import call
from ray_promptopt.cluster.gateway_state import GatewayStateClient, GatewayStateHandle
from ray_promptopt.cluster.names import rollout_worker
from ray_promptopt.cluster.placement import worker_cpus, workers_strategy
from ray_promptopt.core.ids import TrialId
from ray_promptopt.core.work import EvaluateCandidate
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.plan import RolloutSettings
from ray_promptopt.rollouts.result import RolloutResult
from ray_promptopt.rollouts.runner import RolloutRunner
from ray_promptopt.runs.ports import PortLost
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

    @ray.method(max_task_retries=-1)
    async def ready(self) -> None:
        """Answers as soon as the worker lives, also while it is being restarted."""


RolloutWorkerActor = ray.remote(max_restarts=-1)(RolloutWorker)


class RolloutPool:
    """A `RolloutPort` over workers: each attempt goes to the one with the fewest in flight.

    A worker gets none until it is there, nor when it was lost until it is back: it would lose all
    of them at once.
    """

    def __init__(
        self,
        settings: RolloutSettings,
        state: GatewayStateHandle,
        *,
        num_workers: int,
        max_concurrent: int,
    ) -> None:
        strategy = workers_strategy(settings.task_app_url)
        self._workers = [
            RolloutWorkerActor.options(
                name=rollout_worker(settings.run_id, number),
                max_concurrency=max_concurrent,
                num_cpus=worker_cpus(number, strategy),
                scheduling_strategy=strategy,
            ).remote(settings, state)
            for number in range(num_workers)
        ]
        self._in_flight = [0] * num_workers
        self._away = {
            number: asyncio.create_task(self._wait_for(number)) for number in range(num_workers)
        }

    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        """Raises PortLost when the worker died with this attempt in hand."""
        number = await self._least_busy()
        self._in_flight[number] += 1
        try:
            answer = self._workers[number].run.remote(item, trial_id, baseline)
            return await call(f"rollout worker {number}", answer)
        except PortLost:
            if number not in self._away:
                self._away[number] = asyncio.create_task(self._wait_for(number))
            raise
        finally:
            self._in_flight[number] -= 1

    async def _least_busy(self) -> int:
        while len(self._away) == len(self._workers):
            await asyncio.wait(self._away.values(), return_when=asyncio.FIRST_COMPLETED)
        present = (number for number in range(len(self._workers)) if number not in self._away)
        return min(present, key=self._in_flight.__getitem__)

    async def _wait_for(self, number: int) -> None:
        try:
            await call(f"rollout worker {number}", self._workers[number].ready.remote())
        finally:
            del self._away[number]
