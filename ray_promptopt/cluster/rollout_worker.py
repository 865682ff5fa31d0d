"""Rollout workers: stateless async actors. Ray restarts one that dies; it remembers nothing."""

from collections.abc import Sequence

import ray
from ray.actor import ActorProxy

from ray_promptopt.cluster.names import rollout_home
from ray_promptopt.gateway.traces import TraceEvent, TraceLedger
from ray_promptopt.rollouts.exchange import Attempt, Ended, Exchange
from ray_promptopt.rollouts.plan import RolloutSettings
from ray_promptopt.rollouts.runner import RolloutRunner
from ray_promptopt.taskapp.client import TaskAppClient


class RolloutWorker:
    """Holds a connection to the task app and the ledger of its rollouts' model calls."""

    def __init__(self, settings: RolloutSettings, number: int) -> None:
        client = TaskAppClient(
            settings.task_app_url, settings.task_app_api_key, timeout_s=settings.timeout_s
        )
        self._ledger = TraceLedger(rollout_home(settings.run_id, number))
        self._exchange = Exchange(RolloutRunner(settings, client, self._ledger).run)

    @ray.method
    async def exchange(self, attempts: Sequence[Attempt]) -> list[Ended]:
        """See `Exchange`."""
        return await self._exchange(attempts)

    @ray.method(max_task_retries=-1)
    async def record(self, events: Sequence[TraceEvent]) -> None:
        """See `TraceLedger`; sent by the gateway's replicas, and again to a restarted worker."""
        self._ledger.record(events)

    @ray.method(max_task_retries=-1)
    async def ready(self) -> None:
        """Answers as soon as the worker lives, also while it is being restarted."""


RolloutWorkerActor = ray.remote(max_restarts=-1)(RolloutWorker)

RolloutWorkerHandle = ActorProxy[RolloutWorker]
