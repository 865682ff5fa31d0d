"""This project's MIPRO as a contestant, with the sizes that it works out from data and budget."""

from dataclasses import dataclass

from benchmarks.versus.model_server import Latencies
from benchmarks.versus.models import InProcessModels
from benchmarks.versus.ours import drive
from benchmarks.versus.problem import COMPONENT, Problem
from benchmarks.versus.simulated_time import run_simulated
from benchmarks.versus.world import World
from benchmarks.versus_dspy.record import Answer
from ray_promptopt.algorithms.mipro import MiproOptimizer, MiproSettings, UpdateSettings
from ray_promptopt.config.mipro_sizes import new_per_renewal, sizes_within
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Part


@dataclass(frozen=True, slots=True)
class Done:
    """A run that ended."""

    wall_s: float
    policy_calls: int
    meta_calls: int
    busy_s: float
    answers: tuple[Answer, ...]

    @property
    def calls(self) -> int:
        """Of both models."""
        return self.policy_calls + self.meta_calls


def search_with_ours(
    problem: Problem,
    latencies: Latencies,
    policy_model: str,
    max_concurrent: int,
    *,
    rollouts: int,
    seed: int,
) -> Done:
    """Run to the end of the budget, in simulated time."""
    settings = mipro_settings(problem, max_concurrent, rollouts, seed)
    initial = Candidate.of({COMPONENT: problem.task.instruction})

    async def search() -> Done:
        models = InProcessModels(latencies.settings(seed))
        world = World(problem, models, policy_model, max_concurrent)
        await drive(MiproOptimizer(settings, initial), world, in_waves=False)
        answers = tuple(
            Answer(new.at_s, new.rollouts + new.reflections, new.text) for new in world.bests
        )
        return Done(
            world.elapsed_s, world.policy_calls, world.reflection_calls, world.busy_s, answers
        )

    return run_simulated(search())


def mipro_settings(
    problem: Problem, max_concurrent: int, rollouts: int, seed: int
) -> MiproSettings:
    """The automatic sizes; demonstrations end the system message, as the package's do here."""
    validation = tuple(problem.places(Part.VALIDATION))
    sizes = sizes_within(rollouts, num_validation=len(validation))
    return MiproSettings(
        train=tuple(problem.places(Part.TRAIN)),
        validation=validation,
        rollout_budget=rollouts,
        batch_size=sizes.batch_size,
        full_eval_every=sizes.full_eval_every,
        num_instructions=sizes.num_instructions,
        demo_sets_per_size=sizes.demo_sets_per_size,
        demos_in_text=True,
        max_concurrent=max_concurrent,
        rng_seed=seed,
        update=UpdateSettings(
            every_trials=sizes.trials_per_update,
            num_new=new_per_renewal(sizes.trials_per_update),
        ),
    )
