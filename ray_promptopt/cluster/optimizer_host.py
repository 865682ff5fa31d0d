"""The search state of one run in an actor. It comes back from a crash by replaying the journal."""

from collections.abc import Sequence

import ray
from ray.actor import ActorProxy

from ray_promptopt.cluster.calls import call
from ray_promptopt.core.ids import RunId
from ray_promptopt.core.work import Outcome, SearchCounts
from ray_promptopt.runs.ports import Step
from ray_promptopt.runs.recovery import recover_optimizer
from ray_promptopt.store.journal import RunStore


class GepaPopulation:
    """A search rebuilt from the store: config, learned baseline, and every outcome so far."""

    def __init__(self, store_url: str, run_id: RunId) -> None:
        self._optimizer = recover_optimizer(RunStore(store_url), run_id)

    @ray.method
    def advance(self, outcomes: Sequence[Outcome], decided: int, capacity: int) -> Step:
        """See `OptimizerPort`."""
        return self._optimizer.advance(outcomes, decided, capacity)

    @ray.method
    def stop_reason(self) -> str | None:
        """See `OptimizerPort`."""
        return self._optimizer.stop_reason()

    @ray.method
    def counts(self) -> SearchCounts:
        """See `OptimizerPort`."""
        return self._optimizer.counts()


# Every call may be made twice without harm, so that calls wait for a restart instead of failing.
GepaPopulationActor = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(GepaPopulation)


class OptimizerClient:
    """An `OptimizerPort` over the actor; raises PortLost while the actor comes back."""

    def __init__(self, handle: ActorProxy[GepaPopulation]) -> None:
        self._handle = handle

    async def advance(self, outcomes: Sequence[Outcome], decided: int, capacity: int) -> Step:
        """See `OptimizerPort`."""
        step = self._handle.advance.remote(outcomes, decided, capacity)
        return await call("the population", step)

    async def stop_reason(self) -> str | None:
        """Why the search is over."""
        return await call("the population", self._handle.stop_reason.remote())

    async def counts(self) -> SearchCounts:
        """Where the search stands."""
        return await call("the population", self._handle.counts.remote())
