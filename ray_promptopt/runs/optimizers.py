"""Which optimizer a config asks for."""

from collections.abc import Callable

from ray_promptopt.algorithms.base import Optimizer
from ray_promptopt.algorithms.gepa import AsyncGepaOptimizer, GepaOptimizer, GepaSettings
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.config.schema_gepa import GepaConfig
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.runs.proposing import proposer_settings

SCHEDULES: dict[str, Callable[[GepaSettings, Candidate], Optimizer]] = {
    "async": AsyncGepaOptimizer,
    "reference": GepaOptimizer,
}
PARETO_EPS = {"async": 1e-6, "reference": 0.0}
"""What ties on a front when the config does not say: the reference knows exact ties alone."""
NUM_BASELINE_ROLLOUTS = 3
"""Rollouts that teach what the app really sends; they count in the budget."""


def build_optimizer(
    config: RunConfig, initial: Candidate, program: str = "", reference: tuple[str, ...] = ()
) -> Optimizer:
    """A fresh search; `program` is the source of the program under optimisation, if known, and
    `reference` the texts of the reference corpus."""
    if config.mipro is not None:
        from ray_promptopt.runs.mipro_search import Context, build_mipro

        rollout_budget = config.limits.max_rollouts - num_baseline_rollouts(config)
        context = Context(program, reference)
        return build_mipro(config, config.mipro, rollout_budget, initial, context)
    gepa = config.gepa
    assert gepa is not None
    return SCHEDULES[gepa.schedule](gepa_settings(config, gepa, program), initial)


def gepa_settings(config: RunConfig, gepa: GepaConfig, program: str = "") -> GepaSettings:
    """What the search is made with."""
    return GepaSettings(
        train=config.splits.train,
        validation=config.splits.validation,
        rollout_budget=config.limits.max_rollouts - num_baseline_rollouts(config),
        minibatch_size=gepa.minibatch_size,
        rng_seed=config.rng_seed,
        front=gepa.front_type,
        objectives=gepa.objectives,
        pareto_eps=PARETO_EPS[gepa.schedule] if gepa.pareto_eps is None else gepa.pareto_eps,
        selection_pressure=gepa.selection_pressure,
        archive_size=gepa.archive_size,
        archive_min_score=gepa.archive_min_score,
        candidate_selector=gepa.candidate_selector,
        epsilon=gepa.epsilon,
        top_k=gepa.top_k,
        component_selector=gepa.component_selector,
        merge=gepa.merge,
        max_merges=gepa.max_merges,
        patience=_least(gepa.patience, config.limits.max_trials_without_improvement),
        max_proposals=_least(gepa.max_proposals, config.limits.max_trials),
        proposer=proposer_settings(gepa, program, config.initial_prompt),
        lanes=LaneSettings(
            max_concurrent=config.max_concurrent,
            num_variants=gepa.num_variants,
            racing=gepa.racing,
            merge_share=gepa.crossover_rate,
        ),
    )


def num_baseline_rollouts(config: RunConfig) -> int:
    """How many rollouts the baseline is learned from."""
    return min(NUM_BASELINE_ROLLOUTS, len(config.splits.train))


def _least(*limits: int | None) -> int | None:
    given = [limit for limit in limits if limit is not None]
    return min(given) if given else None
