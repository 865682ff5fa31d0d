"""Configs in the style of the hosted optimizer's clients load unchanged and mean the same."""

from pathlib import Path
from typing import Any

import pytest

from ray_promptopt.config.dump import config_from_json, resolved_json
from ray_promptopt.config.loader import load_config
from ray_promptopt.config.schema import RunConfig

FOLDER = Path(__file__).with_name("synth_style")
ENVIRON = {"ENVIRONMENT_API_KEY": "the-key"}

MEANINGS: dict[str, dict[str, Any]] = {
    "gepa_nested": {
        "task_app.url": "http://127.0.0.1:8102",
        "policy.model": "openai/gpt-oss-20b",
        "reflection.model": "openai/gpt-oss-120b",
        "reflection.temperature": 0.7,
        "splits.train": tuple(range(15)),
        "splits.validation": tuple(range(50, 56)),
        "splits.train_split": "train",
        "limits.max_rollouts": 120,
        "limits.max_cost_usd": 2.0,
        "limits.max_seconds": 3600,
        "max_concurrent": 20,
        "rng_seed": 42,
        "gepa.minibatch_size": 3,
        "gepa.patience": 8,
        "gepa.max_proposals": 17,
        "gepa.archive_size": 10,
        "gepa.enforce_pattern_token_limit": False,
        "results_folder": "results",
    },
    "gepa_flat": {
        "policy.provider": "openai",
        "reflection.model": "gpt-4.1",
        "splits.train": tuple(range(8)),
        "splits.validation": (20, 21, 22, 23),
        "splits.test": (40, 41, 42, 43),
        "splits.validation_split": "validation",
        "limits.max_rollouts": 100,
        "limits.max_cost_usd": 3.5,
        "max_concurrent": 8,
        "env_name": "hotpotqa",
        "gepa.minibatch_size": 4,
        "gepa.merge": False,
        "gepa.pareto_eps": 0.001,
        "gepa.mutation_rate": 0.4,
    },
    "gepa_root_content": {
        "splits.train": tuple(range(20)),
        "splits.validation": (100, 102, 104, 106, 108),
        "reflection.model": "gpt-4.1",
        "gepa.proposer_mode": "synth",
    },
    "gepa_new_style": {
        "splits.validation": tuple(range(10)),
        "splits.train": tuple(range(10, 30)),
        "reflection.model": "gpt-4o-mini",
        "policy.temperature": 0.0,
        "policy.max_completion_tokens": 512,
    },
    "gepa_pipeline": {
        "policy.model": "llama-3.3-70b-versatile",
        "reflection.model": "qwen/qwen3-32b",
        "splits.validation": (10, 11, 12),
    },
    "mipro_in_table": {
        "policy.model": "gpt-4.1-nano",
        "reflection.model": "gpt-4.1-mini",
        "reflection.temperature": 0.8,
        "splits.train": tuple(range(5)),
        "splits.validation": tuple(range(5, 10)),
        "splits.test": (20, 21, 22),
        "splits.reference": (30, 31, 32, 33),
        "limits.max_cost_usd": 10.0,
        "limits.max_seconds": 1800.0,
        "limits.max_tokens": 2000000,
        "max_concurrent": 16,
        "mipro.num_iterations": 5,
        "mipro.few_shot_score_threshold": 0.85,
        "mipro.tpe.n_candidates": 32,
        "mipro.demo.sets_per_size": 6,
    },
    "mipro_top_pools": {
        "policy.model": "llama-3.3-70b-versatile",
        "reflection.model": "gpt-4o-mini",
        "splits.train": (0, 1, 2),
        "splits.validation": tuple(range(3, 9)),
        "splits.reference": (30, 31),
        "mipro.batch_size": 32,
    },
    "mipro_pipeline": {
        "limits.max_rollouts": 150,
        "limits.max_seconds": 900,
        "limits.max_trials_without_improvement": 20,
        "splits.test": (8, 9),
        "splits.reference": (10, 11),
        "mipro.proposer_mode": "dspy",
        "mipro.spec_priority_threshold": 8,
    },
}


def loaded(name: str) -> RunConfig:
    return load_config(FOLDER / f"{name}.toml", environ=ENVIRON)


def value_at(config: RunConfig, path: str) -> object:
    value: object = config
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.toml")))
def test_a_config_of_theirs_loads_means_the_same_and_survives_its_dump(name: str) -> None:
    config = loaded(name)
    read = {path: value_at(config, path) for path in MEANINGS[name]}
    assert read == MEANINGS[name]
    assert config_from_json(resolved_json(config), ENVIRON) == config


def test_messages_are_put_in_order_whether_pattern_or_content() -> None:
    messages = loaded("gepa_root_content").initial_prompt.messages
    assert [(message.role, message.pattern) for message in messages] == [
        ("system", "Name the species of the flower."),
        ("user", "{features}"),
    ]


def test_stages_are_read_in_all_their_spellings() -> None:
    stages = loaded("gepa_pipeline").initial_prompt.pipeline_modules
    assert [(stage.name, stage.instruction) for stage in stages] == [
        ("classifier", "Classify the query."),
        ("calibrator", "Check the classification.\nCorrect it."),
    ]
    mipro = loaded("mipro_pipeline").mipro
    assert mipro is not None
    (module,) = mipro.modules
    assert [stage.stage_id for stage in module.stages] == ["classifier", "calibrator"]


def test_what_has_no_effect_and_what_is_retired_is_said() -> None:
    new_style = " ".join(loaded("gepa_new_style").warnings)
    assert "proxy_models: read, but it has no effect" in new_style
    assert "adaptive_batch: read, but it has no effect" in new_style
    assert "retired by its provider" in " ".join(loaded("mipro_in_table").warnings)
