"""The long load: rollouts at a steady pace while candidates and runs come and go."""

import asyncio
from collections import Counter
from collections.abc import Callable

from benchmarks.serving.memory import MemoryLog
from benchmarks.serving.on_ray import GatewayOnRay, gateway_on_ray
from benchmarks.serving.rollouts import Steady
from ray_promptopt.core.ids import RunId, TrialId

_TRIAL_EVERY_S = 10.0
_TRIALS_PER_RUN = 12
_SAMPLE_EVERY_S = 10.0


class Searches:
    """One run after the other, each with a new candidate now and then; the last two live."""

    def __init__(self, gateway: GatewayOnRay, model_url: str) -> None:
        self._gateway = gateway
        self._model_url = model_url
        self._runs: list[RunId] = []
        self._num_trials = 0
        self.trial = TrialId("")

    def advance(self) -> None:
        """The next candidate; after a dozen the next run. One before is ended: calls of the last
        may be under way."""
        if self._num_trials % _TRIALS_PER_RUN == 0:
            self._runs.append(self._gateway.begin_run())
            if len(self._runs) > 2:
                self._gateway.end_run(self._runs.pop(0))
        self._num_trials += 1
        self.trial = self._gateway.add_trial(self._runs[-1], self._model_url)


def soak(model_url: str, memory: MemoryLog, rollouts_per_s: float, seconds: float) -> Counter[str]:
    """The ledger of all rollouts, against what the model server has counted."""
    with gateway_on_ray() as gateway:
        searches = Searches(gateway, model_url)
        searches.advance()
        steady = Steady(gateway, lambda: searches.trial)
        asyncio.run(_run(steady, searches, memory, rollouts_per_s, seconds))
        return steady.ledger


async def _run(
    steady: Steady, searches: Searches, memory: MemoryLog, rollouts_per_s: float, seconds: float
) -> None:
    beside = [
        asyncio.create_task(_every(_TRIAL_EVERY_S, searches.advance)),
        asyncio.create_task(_every(_SAMPLE_EVERY_S, memory.sample)),
    ]
    await steady.run(rollouts_per_s, seconds)
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)


async def _every(seconds: float, act: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(act)
        await asyncio.sleep(seconds)
