"""Where each setting may stand in the TOML: nested tables are canonical, flat aliases follow."""

from ray_promptopt.config.gather import Keys
from ray_promptopt.config.schema_gepa import GepaConfig
from ray_promptopt.config.schema_mipro import MiproConfig

_DERIVED_GEPA = {"patience", "max_proposals", "num_variants", "modules", "proposer_settings"}

_GEPA_NESTED: dict[str, tuple[str, ...]] = {
    "minibatch_size": ("rollout.minibatch_size", "minibatch_size"),
    "mutation_rate": ("mutation.rate", "mutation_rate"),
    "mutation_prompt": ("mutation.prompt", "mutation_prompt"),
    "initial_population_size": ("population.initial_size", "initial_population_size"),
    "num_generations": ("population.num_generations", "num_generations"),
    "children_per_generation": ("population.children_per_generation", "children_per_generation"),
    "crossover_rate": ("population.crossover_rate", "crossover_rate"),
    "selection_pressure": ("population.selection_pressure", "selection_pressure"),
    "patience_generations": ("population.patience_generations", "patience_generations"),
    "archive_size": ("archive.size", "archive.max_size", "archive_size"),
    "archive_min_score": ("archive.min_score_threshold",),
    "pareto_set_size": ("archive.pareto_set_size", "pareto_set_size"),
    "pareto_eps": ("archive.pareto_eps", "pareto_eps"),
    "feedback_fraction": ("archive.feedback_fraction", "feedback_fraction"),
    "max_token_limit": ("token.max_limit", "max_token_limit"),
    "token_counting_model": ("token.counting_model", "token_counting_model"),
    "enforce_pattern_token_limit": (
        "token.enforce_pattern_limit",
        "token.enforce_limit",
        "enforce_pattern_token_limit",
    ),
    "max_spend_usd": ("token.max_spend_usd", "max_spend_usd"),
    "validation_top_k": ("evaluation.validation_top_k", "validation_top_k"),
}

GEPA_SEEDS: Keys = {
    "train": ("evaluation.seeds", "evaluation.train_seeds", "evaluation_seeds", "train_seeds"),
    "validation": (
        "evaluation.validation_seeds",
        "evaluation.val_seeds",
        "validation_seeds",
        "val_seeds",
    ),
    "test": ("evaluation.test_pool", "evaluation.test_seeds", "test_pool", "test_seeds"),
    "reference": ("evaluation.reference_pool", "reference_pool"),
    "validation_split": ("evaluation.validation_pool", "validation_pool"),
}

MIPRO_SEEDS: Keys = {
    "train": ("bootstrap_train_seeds", "seeds.bootstrap"),
    "validation": ("online_pool", "seeds.online"),
    "test": ("test_pool", "seeds.test"),
    "reference": ("reference_pool", "seeds.reference"),
    "validation_split": ("validation_pool",),
}

MIPRO_SEED_FALLBACKS: Keys = {
    "train": ("evaluation.train_seeds", "evaluation.seeds", "train_seeds"),
    "validation": ("evaluation.val_seeds", "evaluation.validation_seeds", "val_seeds"),
}

ENV_SEEDS: Keys = {
    "train": ("bootstrap_train_seeds", "train_seeds", "evaluation_seeds", "seeds"),
    "validation": ("online_pool", "validation_seeds", "val_seeds"),
    "test": ("test_pool", "test_seeds"),
    "reference": ("reference_pool",),
}

TOP_SEEDS: Keys = {
    "train": ("train_seeds", "evaluation_seeds", "seeds"),
    "validation": ("validation_seeds", "val_seeds"),
    "test": ("test_pool", "test_seeds"),
    "reference": ("reference_pool",),
    "validation_split": ("validation_pool",),
}

TOP_MIPRO_SEEDS: Keys = {
    "train": ("bootstrap_train_seeds",),
    "validation": ("online_pool",),
    "test": ("test_pool",),
    "reference": ("reference_pool",),
    "validation_split": ("validation_pool",),
}

REFLECTION: dict[str, Keys] = {
    "gepa": {
        "model": ("mutation.llm_model", "mutation_llm_model"),
        "provider": ("mutation.llm_provider", "mutation_llm_provider"),
        "base_url": (
            "mutation.base_url",
            "mutation.llm_inference_url",
            "mutation_llm_inference_url",
        ),
        "temperature": ("mutation.temperature",),
        "max_completion_tokens": ("mutation.max_tokens", "mutation.max_completion_tokens"),
    },
    "mipro": {
        "model": ("meta_model", "meta.model"),
        "provider": ("meta_model_provider", "meta.provider"),
        "base_url": ("meta.base_url", "meta_model_inference_url", "meta.inference_url"),
        "temperature": ("meta_model_temperature", "meta.temperature"),
        "max_completion_tokens": ("meta_model_max_tokens", "meta.max_tokens"),
    },
}

BUDGET: Keys = {
    "budget": ("rollout.budget", "rollout_budget"),
    "max_concurrent": (
        "rollout.max_concurrent",
        "max_concurrent",
        "max_concurrent_rollouts",
        "parallelism",
    ),
}

SHARED: Keys = {
    "env_name": ("env_name",),
    "env_config": ("env_config",),
    "rng_seed": ("rng_seed",),
    "task_app_url": ("task_app_url",),
    "task_app_api_key": ("task_app_api_key",),
    "task_app_id": ("task_app_id",),
    "policy_config": ("policy_config",),
    "modules": ("modules",),
}

_FLAVOURS = ("dspy", "synth", "gepa_ai")
_FLAVOUR_KEYS = ("meta_model", "meta_provider", "temperature", "max_tokens")


def _flavours(table: str) -> dict[str, tuple[str, ...]]:
    names = [f"{flavour}_{key}" for flavour in _FLAVOURS for key in _FLAVOUR_KEYS]
    return {f"{table}.{name}": (f"{table}.{name}",) for name in names}


def _fields(model: type[GepaConfig] | type[MiproConfig], left_out: set[str]) -> Keys:
    return {name: (name,) for name in model.model_fields if name not in left_out}


GEPA_FLAVOURS: Keys = _flavours("mutation")
MIPRO_FLAVOURS: Keys = _flavours("instructions")

GEPA_SETTINGS: Keys = {**_fields(GepaConfig, _DERIVED_GEPA), **_GEPA_NESTED}
MIPRO_SETTINGS: Keys = {
    **_fields(MiproConfig, {"modules", "proposer_settings"}),
    "proposer_mode": ("proposer_mode", "instructions.proposer_mode"),
}

POLICY: Keys = {
    name: (name,)
    for name in (
        "model",
        "provider",
        "temperature",
        "max_completion_tokens",
        "base_url",
        "inference_url",
        "api_base",
        "inference_mode",
        "policy_name",
        "max_steps",
    )
}

FALLBACK: Keys = {name: (name,) for name in ("model", "provider", "base_url")}
ALIAS = FALLBACK

TERMINATION: Keys = {
    "max_rollouts": ("max_rollouts",),
    "max_tokens": ("max_tokens",),
    "max_cost_usd": ("max_cost_usd",),
    "max_seconds": ("max_seconds", "max_time_seconds"),
    "max_trials": ("max_trials",),
    "max_trials_without_improvement": ("max_trials_without_improvement",),
    "pessimism_enabled": ("pessimism_enabled",),
    "max_category_costs_usd": ("max_category_costs_usd",),
}

PROMPT: Keys = {
    "id": ("id",),
    "name": ("name",),
    "form": ("form",),
    "messages": ("messages",),
    "sections": ("sections", "prompt_sections"),
    "text_replacements": ("text_replacements",),
    "wildcards": ("wildcards",),
    "pipeline_modules": ("metadata.pipeline_modules",),
}

TOP: Keys = {
    name: (name,)
    for name in (
        "algorithm",
        "task_app_url",
        "task_app_api_key",
        "task_app_id",
        "initial_prompt",
        "policy",
        "gepa",
        "mipro",
        "env_name",
        "env_config",
        "rng_seed",
        "free_tier",
        "termination_config",
        "results_folder",
        "env_file_path",
        "display",
        "strict",
        "max_concurrent",
        "validation_top_k",
        "gateway",
        "execution",
        "embedded",
        "prices",
        "model_aliases",
    )
}

EFFECTLESS: dict[str, tuple[str, ...]] = {
    "judge": (
        "enabled", "reward_source", "backend_base", "backend_api_key_env", "backend_provider",
        "backend_model", "backend_rubric_id", "backend_event_enabled", "backend_outcome_enabled",
        "backend_options", "concurrency", "timeout", "weight_env", "weight_event",
        "weight_outcome", "spec_path", "spec_max_tokens", "spec_context",
    ),
    "proxy_models": (
        "hi_provider", "hi_model", "lo_provider", "lo_model", "n_min_hi", "r2_thresh", "r2_stop",
        "sigma_max", "sigma_stop", "verify_every", "proxy_patience_usd",
    ),
    "adaptive_pool": (
        "level", "anchor_size", "pool_init_size", "pool_min_size", "warmup_iters",
        "anneal_stop_iter", "pool_update_period", "min_evals_per_example", "k_info_prompts",
        "info_buffer_factor", "info_epsilon", "anchor_selection_method", "exploration_strategy",
        "heatup_reserve_pool", "heatup_trigger", "heatup_size", "heatup_cooldown_trials",
        "heatup_schedule",
    ),
    "adaptive_batch": (
        "level", "reflection_minibatch_size", "min_local_improvement", "val_evaluation_mode",
        "val_subsample_size", "candidate_selection_strategy",
    ),
}  # fmt: skip
"""Known tables that are kept as written and do nothing here, with their known keys."""
