"""The `gepa` package as a contestant: its own `optimize`, its own prompt, our models and rows.

It is given every chance to be fast: whatever it evaluates or reflects on in one step goes out at
once, up to the limit on concurrency that all contestants share.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar, cast

from gepa.api import optimize
from gepa.core.adapter import EvaluationBatch, GEPAAdapter
from gepa.core.callbacks import GEPACallback, ValsetEvaluatedEvent
from gepa.strategies.proposal_sampling import (
    IndependentSampling,
    PxNSampling,
    SamplingStrategy,
    SingleMutationSampling,
)

from benchmarks.versus.problem import COMPONENT, SearchLimits
from benchmarks.versus.world import Scored, World
from ray_promptopt.algorithms.randomness import model_seed
from ray_promptopt.core.examples import Part

T = TypeVar("T")
RowId = tuple[Part, int]
Batch = EvaluationBatch[Scored, Scored]

SAMPLINGS: dict[str, SamplingStrategy[int, RowId]] = {
    "1": SingleMutationSampling(),
    "2x2": PxNSampling(2, 2),
    "2x4": PxNSampling(2, 4),
    "8x1": IndependentSampling(8),
}
"""Parents x proposals of an iteration."""


async def run_reference(world: World, limits: SearchLimits, sampling: str) -> str:
    """Run to the end of the budget; the reason why it ended."""
    bridge = _Bridge(world, asyncio.get_running_loop(), limits.seed)
    problem = world.problem

    def search() -> None:
        optimize(
            seed_candidate={COMPONENT: problem.task.instruction},
            trainset=[(Part.TRAIN, place) for place in problem.places(Part.TRAIN)],
            valset=[(Part.VALIDATION, place) for place in problem.places(Part.VALIDATION)],
            adapter=bridge,
            reflection_lm=bridge.reflection,
            reflection_minibatch_size=limits.minibatch_size,
            max_metric_calls=limits.rollout_budget,
            sampling_strategy=SAMPLINGS[sampling],
            # The package calls the methods that a callback has.
            callbacks=[cast(GEPACallback, bridge)],
            logger=_Silence(),
            seed=limits.seed,
        )

    await asyncio.to_thread(search)
    return f"budget: {len(world.rollout_times_s)} of {limits.rollout_budget} rollouts"


class _Silence:
    def log(self, message: str) -> None:
        """The package logs whole prompts; nobody reads them here."""


class _Bridge(GEPAAdapter[RowId, Scored, Scored]):
    """The package's adapter: its thread asks, the world's event loop answers."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop, seed: int) -> None:
        self._world = world
        self._loop = loop
        self.reflection = _Reflection(self, seed)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Called in the package's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def evaluate(
        self, batch: list[RowId], candidate: dict[str, str], capture_traces: bool = False
    ) -> Batch:
        """All rows at once."""
        return self.batch_evaluate([(candidate, batch)])[0]

    def batch_evaluate(self, items: list[tuple[dict[str, str], list[RowId]]]) -> list[Batch]:
        """All rows of all candidates at once."""
        return self.wait(self._evaluate_all(items))

    async def _evaluate_all(self, items: list[tuple[dict[str, str], list[RowId]]]) -> list[Batch]:
        return list(await asyncio.gather(*(self._evaluate(c, batch) for c, batch in items)))

    async def _evaluate(self, candidate: dict[str, str], batch: list[RowId]) -> Batch:
        text = candidate[COMPONENT]
        scored = await asyncio.gather(*(self._world.rollout(text, *row) for row in batch))
        return EvaluationBatch(scored, [one.score for one in scored], scored)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Batch, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The same words that this project's reflections are shown."""
        records = [
            {
                "Inputs": one.evidence.inputs,
                "Generated Outputs": one.evidence.output,
                "Feedback": f"This response got a score of {one.score:.4g}.\n"
                f"{one.evidence.feedback}",
            }
            for one in eval_batch.trajectories or ()
        ]
        return {component: records for component in components_to_update}

    def on_valset_evaluated(self, event: ValsetEvaluatedEvent) -> None:
        """Called by the package for every candidate that joins its pool."""
        if event["is_best_program"]:
            self._world.note_best(event["candidate"][COMPONENT])

    async def reflect_all(
        self, conversations: Sequence[Sequence[Mapping[str, Any]]], seeds: Sequence[int]
    ) -> list[str]:
        """All reflections of an iteration at once."""
        calls = zip(conversations, seeds, strict=True)
        return list(await asyncio.gather(*(self._world.reflect(m, seed) for m, seed in calls)))


class _Reflection:
    """The package's reflection model, with a batched form; each call has a seed of its own."""

    def __init__(self, bridge: _Bridge, seed: int) -> None:
        self._bridge = bridge
        self._seed = seed
        self._count = 0

    def __call__(self, prompt: str | list[dict[str, Any]]) -> str:
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        return self.batch_complete([messages])[0]

    def batch_complete(self, messages_list: list[list[dict[str, Any]]]) -> list[str]:
        """One reply for each conversation."""
        seeds = []
        for _ in messages_list:
            self._count += 1
            seeds.append(model_seed(self._seed, "reference-package", str(self._count)))
        return self._bridge.wait(self._bridge.reflect_all(messages_list, seeds))
