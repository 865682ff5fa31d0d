"""From a config to a MIPRO search. Apart from `optimizers.py`: hyperopt takes seconds to import."""

from dataclasses import dataclass

from ray_promptopt.algorithms.base import Optimizer
from ray_promptopt.algorithms.mipro import (
    GroundingSettings,
    MiproOptimizer,
    MiproSettings,
    StageLimits,
    UpdateSettings,
)
from ray_promptopt.algorithms.mipro.tpe import TpeSettings
from ray_promptopt.config.mipro_section import shown_mipro_spec
from ray_promptopt.config.mipro_sizes import new_per_renewal
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.config.schema_mipro import MiproConfig
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.runs.stages import stage_roles, stage_slots

_EFFORT_TOKENS = {
    "LOW_CONTEXT": (1_000, 0),
    "LOW": (4_000, 1_000),
    "MEDIUM": (10_000, 3_000),
    "HIGH": (30_000, 8_000),
}
"""Effort to the most tokens of examples and of the program's source."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the task app said of itself: its program's source and the reference corpus."""

    program: str = ""
    reference: tuple[str, ...] = ()


_PLACEMENT = {"pattern": "text", "template": "messages", "transformation": "messages"}
"""Form of the prompt to where demonstrations stand when the config does not say."""


def build_mipro(
    config: RunConfig, mipro: MiproConfig, rollout_budget: int, initial: Candidate, context: Context
) -> Optimizer:
    """A fresh search."""
    return MiproOptimizer(mipro_settings(config, mipro, rollout_budget, context), initial)


def mipro_settings(
    config: RunConfig, mipro: MiproConfig, rollout_budget: int, context: Context
) -> MiproSettings:
    """What the search is made with."""
    limits, splits = config.limits, config.splits
    trials = mipro.num_iterations * mipro.num_evaluations_per_iteration
    trials_between = mipro.meta_update.every_iterations * mipro.num_evaluations_per_iteration
    example_tokens, program_tokens = _EFFORT_TOKENS[mipro.proposer_effort]
    tpe, demo, update = mipro.tpe, mipro.demo, mipro.meta_update
    return MiproSettings(
        train=splits.train,
        validation=splits.validation,
        rollout_budget=rollout_budget,
        batch_size=mipro.batch_size,
        full_eval_every=mipro.full_eval_every_k,
        num_instructions=min(
            mipro.max_instructions or mipro.grounding.n, mipro.max_instruction_sets
        ),
        max_demos=mipro.max_demo_set_size or demo.max_few_shot_examples,
        demo_sets_per_size=demo.sets_per_size,
        max_demo_sets=mipro.max_demo_sets,
        include_empty=demo.include_empty,
        score_threshold=mipro.few_shot_score_threshold,
        min_bootstrap_demos=mipro.min_bootstrap_demos,
        stage_limits={
            stage: StageLimits(slots.instructions, slots.demos)
            for stage, slots in stage_slots(config).items()
        },
        demos_in_text=(demo.placement or _PLACEMENT[config.initial_prompt.form]) == "text",
        max_trials=trials if limits.max_trials is None else min(trials, limits.max_trials),
        patience=limits.max_trials_without_improvement,
        max_concurrent=config.max_concurrent,
        top_k=mipro.validation_top_k or 1,
        rng_seed=config.rng_seed,
        tpe=TpeSettings(
            gamma=tpe.gamma,
            n_candidates=tpe.n_candidates,
            n_startup_trials=tpe.n_startup_trials,
            epsilon=tpe.epsilon,
            prior_weight=tpe.prior_weight,
        ),
        grounding=GroundingSettings(
            program=context.program,
            reference=context.reference,
            spec=shown_mipro_spec(mipro),
            guidance=mipro.metaprompt or "",
            max_example_tokens=example_tokens,
            max_program_tokens=program_tokens,
            roles=stage_roles(config),
        ),
        update=UpdateSettings(
            enabled=update.enabled or any(mipro.generate_at_iterations),
            every_trials=trials_between,
            num_new=new_per_renewal(trials_between),
            at_trials=tuple(
                iteration * mipro.num_evaluations_per_iteration
                for iteration in mipro.generate_at_iterations
                if iteration
            ),
            topk_success=update.topk_success,
            topk_failure=update.topk_failure,
            keep_k=max(2, min(update.keep_k, mipro.max_instruction_sets)),
            max_overlap=update.dedup_token_overlap,
        ),
    )
