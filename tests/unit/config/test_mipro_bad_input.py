"""Every key of MIPRO with a value of the wrong kind or range: key, value and remedy are named."""

import pytest

from ray_promptopt.config.keys import (
    BUDGET,
    MIPRO_FLAVOURS,
    MIPRO_SEED_FALLBACKS,
    MIPRO_SEEDS,
    MIPRO_SETTINGS,
    REFLECTION,
)
from ray_promptopt.config.schema_mipro import MiproModule, MiproStage
from tests.unit.config.doc_tables import MIPRO_TABLES
from tests.unit.config.documents import MIPRO, changed, refused

COUNT = (0, -1, 1.5, "three", True)
COUNT_OR_NONE = (-1, 1.5, "three", True)
AMOUNT = (0, -0.5, "much", True)
RATE = (-0.1, 1.5, "half", True)
WEIGHT = (-0.1, "heavy", True)
SWITCH = ("perhaps", 3)
TEXT = (3, ["a"])
NAME = ("huge", 3)
SEEDS = ("all", [-1], [1.5], [1, 1], {"start": 5, "end": 1}, {"begin": 1}, [True])
TABLE = (3, "yes", [1])
MODEL = ("gpt-5-pro", "gpt-4.1-nano", "no-such-model")

BAD: dict[str, tuple[object, ...]] = {
    "auto": NAME,
    "num_iterations": COUNT,
    "num_evaluations_per_iteration": COUNT,
    "batch_size": COUNT,
    "few_shot_score_threshold": RATE,
    "min_bootstrap_demos": (*COUNT_OR_NONE, 4),
    "strict_bootstrap": SWITCH,
    "max_demo_set_size": COUNT,
    "max_demo_sets": COUNT,
    "max_instruction_sets": COUNT,
    "full_eval_every_k": COUNT,
    "instructions_per_batch": COUNT,
    "max_instructions": COUNT,
    "duplicate_retry_limit": COUNT,
    "generate_at_iterations": ([-1], [1.5], 3, "often"),
    "metaprompt": TEXT,
    "proposer_mode": NAME,
    "instructions.proposer_mode": NAME,
    "proposer_effort": NAME,
    "proposer_output_tokens": NAME,
    "spec_path": (*TEXT, "not-there.json"),
    "spec": (3, {"rules": []}),
    "spec_max_tokens": COUNT,
    "spec_include_examples": SWITCH,
    "spec_priority_threshold": COUNT_OR_NONE,
    "modules": (3, "a", {"module_id": "m"}, [3]),
    "tpe": TABLE,
    "demo": TABLE,
    "grounding": TABLE,
    "meta_update": TABLE,
    "validation_top_k": COUNT,
    "max_token_limit": COUNT,
    "token_counting_model": TEXT,
    "enforce_token_limit": SWITCH,
    "max_total_tokens": COUNT,
    "max_spend_usd": AMOUNT,
    "max_wall_clock_seconds": AMOUNT,
    "results_file": TEXT,
    "tpe.gamma": RATE,
    "tpe.n_candidates": COUNT,
    "tpe.n_startup_trials": COUNT,
    "tpe.epsilon": RATE,
    "tpe.alpha": WEIGHT,
    "tpe.categorical_alpha": WEIGHT,
    "tpe.prior_weight": WEIGHT,
    "demo.max_few_shot_examples": COUNT_OR_NONE,
    "demo.sets_per_size": COUNT,
    "demo.include_empty": SWITCH,
    "demo.placement": NAME,
    "grounding.n": COUNT,
    "grounding.temperature": WEIGHT,
    "grounding.max_tokens": COUNT,
    "meta_update.enabled": SWITCH,
    "meta_update.every_iterations": COUNT,
    "meta_update.topk_success": COUNT_OR_NONE,
    "meta_update.topk_failure": COUNT_OR_NONE,
    "meta_update.validate_on_batch": COUNT,
    "meta_update.keep_k": (*COUNT, 1),
    "meta_update.dedup_token_overlap": RATE,
    "meta_update.regen_temperature_decay": RATE,
    "rollout.budget": COUNT,
    "rollout_budget": COUNT,
    "rollout.max_concurrent": COUNT,
    "max_concurrent": COUNT,
    "max_concurrent_rollouts": COUNT,
    "parallelism": COUNT,
    "bootstrap_train_seeds": SEEDS,
    "seeds.bootstrap": SEEDS,
    "online_pool": (*SEEDS, [2, 3]),
    "seeds.online": SEEDS,
    "test_pool": (*SEEDS, [5, 6]),
    "seeds.test": SEEDS,
    "reference_pool": (*SEEDS, [0, 9], [5, 9]),
    "seeds.reference": SEEDS,
    "evaluation.train_seeds": SEEDS,
    "evaluation.seeds": SEEDS,
    "train_seeds": SEEDS,
    "evaluation.val_seeds": SEEDS,
    "evaluation.validation_seeds": SEEDS,
    "val_seeds": SEEDS,
    "validation_pool": (3, ["a"]),
    "meta_model": MODEL,
    "meta.model": MODEL,
    "meta_model_provider": ("nobody",),
    "meta.provider": ("nobody",),
    "meta.base_url": ("ftp://x",),
    "meta_model_inference_url": ("ftp://x",),
    "meta.inference_url": ("ftp://x",),
    "meta_model_temperature": WEIGHT,
    "meta.temperature": WEIGHT,
    "meta_model_max_tokens": COUNT,
    "meta.max_tokens": COUNT,
}
"""Key → values that must be refused. Aliases stand here like the canonical keys."""

BAD_MODULE: dict[str, tuple[object, ...]] = {
    "module_id": ("", 3),
    "stages": (3, [3]),
    "edges": (3, [["a", "z"]], [["a"]]),
    "max_instruction_slots": (*COUNT, 129),
    "max_demo_slots": (*COUNT_OR_NONE, 129),
}
BAD_STAGE: dict[str, tuple[object, ...]] = {
    "stage_id": ("", 3),
    "baseline_instruction": TEXT,
    "baseline_messages": (3, [3], [{"role": "system"}]),
    "max_instruction_slots": (*COUNT, 129),
    "max_demo_slots": (*COUNT_OR_NONE, 129),
    "policy": (3, "gpt-4o"),
}
FREE = {"meta_model": "some", "meta_model_provider": "openai_compatible"}


def cases(table: dict[str, tuple[object, ...]]) -> list[tuple[str, object]]:
    return [(key, value) for key, values in table.items() for value in values]


def assert_told(problems: dict[str, str], key: str, value: object) -> None:
    """One of the problems is of this key, shows the value and says what to do."""
    mine = {name: text for name, text in problems.items() if name.startswith(key)}
    assert mine, f"{key} = {value!r} is not named in {problems}"
    assert all(len(text.split(": ", 1)[1]) > 8 for text in mine.values())
    inner = value if isinstance(value, str | int | float) else None
    assert inner is None or any(str(inner) in text for text in mine.values()), mine


def given(key: str, value: object) -> dict[str, str]:
    """What is said of the document with this one key, all rivals of the key left out."""
    document = MIPRO
    if "base_url" in key or "inference_url" in key:
        document = changed(document, **{f"mipro__{name}": text for name, text in FREE.items()})
    elif key.split(".")[-1].endswith("model") and key.startswith("meta"):
        document = changed(document, mipro__meta_model_provider="openai")
    elif key.startswith("meta") and key.split(".")[-1].endswith("provider"):
        document = changed(document, mipro__meta_model="gpt-4o")
    for rival in ("bootstrap_train_seeds", "online_pool"):
        aliases = {"bootstrap_train_seeds": "train", "online_pool": "validation"}
        paths = (*MIPRO_SEEDS[aliases[rival]], *MIPRO_SEED_FALLBACKS[aliases[rival]])
        if key in paths and key != rival:
            document = changed(document, **{f"mipro__{rival}": None})
    return refused(document, {}, **{f"mipro__{key.replace('.', '__')}": value})


@pytest.mark.parametrize(("key", "value"), cases(BAD), ids=str)
def test_a_value_that_cannot_be_is_refused_with_key_value_and_remedy(
    key: str, value: object
) -> None:
    assert_told(given(key, value), f"mipro.{key}", value)


@pytest.mark.parametrize(("key", "value"), cases(BAD_MODULE), ids=str)
def test_a_bad_key_of_a_module_is_refused(key: str, value: object) -> None:
    stage = {"stage_id": "a", "baseline_instruction": "Say it."}
    module = {"module_id": "m", "stages": [stage], key: value}
    assert_told(refused(MIPRO, mipro__modules=[module]), "mipro.modules", value)


@pytest.mark.parametrize(("key", "value"), cases(BAD_STAGE), ids=str)
def test_a_bad_key_of_a_stage_is_refused(key: str, value: object) -> None:
    stage = {"stage_id": "a", "baseline_instruction": "Say it.", key: value}
    module = {"module_id": "m", "stages": [stage]}
    assert_told(refused(MIPRO, mipro__modules=[module]), "mipro.modules", value)


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, -1) for key in MIPRO_FLAVOURS if key.endswith(("temperature", "max_tokens"))]
    + [(key, "no-such") for key in MIPRO_FLAVOURS if key.endswith(("model", "provider"))],
)
def test_a_bad_setting_of_the_flavour_in_use_is_refused(key: str, value: object) -> None:
    flavour = key.split(".")[1].removesuffix("_meta_model").removesuffix("_meta_provider")
    flavour = flavour.removesuffix("_temperature").removesuffix("_max_tokens").replace("_", "-")
    document = changed(
        MIPRO,
        mipro__proposer_mode=flavour,
        mipro__meta_model="gpt-4o",
        mipro__meta_model_provider="openai",
    )
    problems = refused(document, {}, **{f"mipro__{key.replace('.', '__')}": value})
    assert_told(problems, f"mipro.{key}", value)


def test_no_key_is_left_out() -> None:
    groups = (MIPRO_SETTINGS, MIPRO_SEEDS, MIPRO_SEED_FALLBACKS, BUDGET, REFLECTION["mipro"])
    paths = {path for group in groups for paths in group.values() for path in paths}
    paths |= {
        f"{table}.{name}" for table, model in MIPRO_TABLES.items() for name in model.model_fields
    }
    assert paths | {"modules"} == BAD.keys()
    assert MiproModule.model_fields.keys() == BAD_MODULE.keys()
    assert MiproStage.model_fields.keys() == BAD_STAGE.keys()


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    for path, nearest in {
        "batchsize": "batch_size",
        "tpe__gama": "gamma",
        "demo__placment": "placement",
        "meta_update__keepk": "keep_k",
        "reference_pol": "reference_pool",
    }.items():
        (text,) = refused(MIPRO, {}, **{f"mipro__{path}": 1}).values()
        assert f"did you mean {nearest}?" in text
