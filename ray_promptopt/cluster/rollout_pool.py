"""The workers of a run: attempts are spread over them, and tried again when one is lost."""

import asyncio
from collections.abc import Sequence

from ray_promptopt.cluster.calls import call
from ray_promptopt.cluster.names import rollout_worker
from ray_promptopt.cluster.placement import Strategy, worker_cpus, workers_strategy
from ray_promptopt.cluster.rollout_worker import RolloutWorkerActor
from ray_promptopt.core.ids import TrialId
from ray_promptopt.core.work import EvaluateCandidate
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.exchange import Attempt, Ended, Line
from ray_promptopt.rollouts.plan import RolloutSettings
from ray_promptopt.rollouts.result import RolloutResult
from ray_promptopt.runs.ports import PortLost

_PAUSE_S = 0.02
"""Between two messages to a worker: little beside a model call, and enough to gather a few."""


class _Worker:
    """One actor and the line to it."""

    def __init__(self, settings: RolloutSettings, number: int, strategy: Strategy) -> None:
        self._name = f"rollout worker {number}"
        self._actor = RolloutWorkerActor.options(
            name=rollout_worker(settings.run_id, number),
            num_cpus=worker_cpus(number, strategy),
            scheduling_strategy=strategy,
        ).remote(settings, number)
        self.line = Line(self._exchange, pause_s=_PAUSE_S)

    async def _exchange(self, attempts: Sequence[Attempt]) -> list[Ended]:
        return await call(self._name, self._actor.exchange.remote(attempts))

    async def ready(self) -> None:
        """Raises ClusterError when it cannot be started."""
        await call(self._name, self._actor.ready.remote())


class RolloutPool:
    """A `RolloutPort` over workers: each attempt goes to the one with the fewest in flight.

    A worker gets none until it is there, nor when it was lost until it is back: it would lose all
    of them at once.
    """

    def __init__(self, settings: RolloutSettings, *, num_workers: int) -> None:
        strategy = workers_strategy(settings.task_app_url)
        self._workers = [_Worker(settings, number, strategy) for number in range(num_workers)]
        self._away = {
            worker: asyncio.create_task(self._wait_for(worker)) for worker in self._workers
        }

    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        """Raises PortLost when the worker died with this attempt in hand."""
        worker = await self._least_busy()
        try:
            return await worker.line.run(item.example, trial_id, baseline)
        except PortLost:
            if worker not in self._away:
                self._away[worker] = asyncio.create_task(self._wait_for(worker))
            raise

    async def _least_busy(self) -> _Worker:
        while len(self._away) == len(self._workers):
            await asyncio.wait(self._away.values(), return_when=asyncio.FIRST_COMPLETED)
        present = (worker for worker in self._workers if worker not in self._away)
        return min(present, key=lambda worker: worker.line.in_flight)

    async def _wait_for(self, worker: _Worker) -> None:
        try:
            await worker.ready()
        finally:
            del self._away[worker]
