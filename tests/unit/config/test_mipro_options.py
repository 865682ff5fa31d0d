"""Every option of MIPRO changes what the search is made with, or warns that it does nothing."""

from collections.abc import Callable, Mapping

import pytest

from ray_promptopt.config.keys import MIPRO_SETTINGS
from ray_promptopt.config.mipro_effects import ALWAYS, ALWAYS_IN_TABLES, SPEC_KEYS
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.config.schema_mipro import MiproConfig, MiproModule, MiproStage
from ray_promptopt.runs.mipro_search import Context, mipro_settings
from ray_promptopt.runs.plans import num_held_out
from ray_promptopt.runs.stages import declared_stages
from tests.unit.config.doc_tables import MIPRO_TABLES
from tests.unit.config.documents import mipro
from tests.unit.config.option_cases import Case, attribute
from tests.unit.config.test_spec import SPEC


def search(name: str) -> Callable[[RunConfig], object]:
    """A setting of the search, dotted."""

    def see(config: RunConfig) -> object:
        assert config.mipro is not None
        return attribute(
            mipro_settings(config, config.mipro, 96, Context("def program(): ...")), name
        )

    return see


def limit(name: str) -> Callable[[RunConfig], object]:
    return lambda config: getattr(config.limits, name)


def meta_model(name: str) -> Callable[[RunConfig], object]:
    return lambda config: getattr(config.reflection, name)


def shown_spec(config: RunConfig) -> object:
    spec = str(search("grounding.spec")(config))
    return [word for word in ("give one label", "be kind", "card gone") if word in spec]


def of_stage(attribute: str) -> Callable[[RunConfig], object]:
    def see(config: RunConfig) -> object:
        assert config.mipro is not None
        settings = mipro_settings(config, config.mipro, 96, Context())
        return getattr(settings, attribute)("a")

    return see


def stage_texts(config: RunConfig) -> object:
    return [(stage.name, stage.text) for stage in declared_stages(config)]


def modules(module: Mapping[str, object] = {}, **stage: object) -> list[dict[str, object]]:
    first = {"stage_id": "a", "baseline_instruction": "Say it.", **stage}
    second = {"stage_id": "b", "baseline_instruction": "Check it."}
    return [{"module_id": "m", "stages": [first, second], **module}]


TWO = [("a", "Say it."), ("b", "Check it.")]
SPECIFIED = {"spec": SPEC}
DSPY = {"instructions": {"dspy_meta_model": "gpt-4o", "dspy_meta_provider": "openai"}}

CASES = [
    Case("auto", "light", search("update.enabled"), False, True),
    Case("num_iterations", 3, search("max_trials"), 100, 15),
    Case("num_evaluations_per_iteration", 2, search("max_trials"), 100, 40),
    Case("batch_size", 2, search("batch"), 3, 2),
    Case("few_shot_score_threshold", 0.5, search("score_threshold"), 0.8, 0.5),
    Case("min_bootstrap_demos", 2, search("min_bootstrap_demos"), 0, 2),
    Case("max_demo_set_size", 2, search("max_demos"), 4, 2),
    Case("max_demo_sets", 7, search("max_demo_sets"), 128, 7),
    Case("max_instruction_sets", 5, search("num_instructions"), 10, 5),
    Case("max_instruction_sets", 5, search("update.keep_k"), 8, 5),
    Case("full_eval_every_k", 2, search("full_eval_every"), 5, 2),
    Case("max_instructions", 3, search("num_instructions"), 10, 3),
    Case("generate_at_iterations", [0, 2, 4], search("update.at_trials"), (), (10, 20)),
    Case("generate_at_iterations", [2], search("update.enabled"), False, True),
    Case("metaprompt", "Be kind.", search("grounding.guidance"), "", "Be kind."),
    Case("proposer_mode", "dspy", meta_model("model"), "gpt-4o-mini", "gpt-4o", DSPY),
    Case("instructions.proposer_mode", "dspy", meta_model("model"), "gpt-4o-mini", "gpt-4o", DSPY),
    Case("proposer_effort", "HIGH", search("grounding.max_program_tokens"), 1000, 8000),
    Case("proposer_effort", "MEDIUM", search("grounding.max_example_tokens"), 4000, 10_000),
    Case("proposer_output_tokens", "SLOW", meta_model("max_completion_tokens"), None, 25_000),
    Case("spec", SPEC, shown_spec, [], ["give one label", "be kind", "card gone"]),
    Case("spec_max_tokens", 30, lambda config: len(str(search("grounding.spec")(config))) < 200,
         False, True, SPECIFIED),
    Case("spec_include_examples", False, shown_spec, ["give one label", "be kind", "card gone"],
         ["give one label", "be kind"], SPECIFIED),
    Case("spec_priority_threshold", 5, shown_spec, ["give one label", "be kind"],
         ["give one label"], {**SPECIFIED, "spec_include_examples": False}),
    Case("modules", modules(), stage_texts, [], TWO),
    Case("validation_top_k", 3, num_held_out, 4, 8, {"test_pool": [7, 8]}),
    Case("max_total_tokens", 900, limit("max_tokens"), None, 900),
    Case("max_token_limit", 900, limit("max_tokens"), None, 900),
    Case("enforce_token_limit", False, limit("max_tokens"), 900, None, {"max_token_limit": 900}),
    Case("max_spend_usd", 1.5, limit("max_cost_usd"), None, 1.5),
    Case("max_wall_clock_seconds", 60, limit("max_seconds"), None, 60.0),
    Case("tpe.gamma", 0.1, search("tpe.gamma"), 0.25, 0.1),
    Case("tpe.n_candidates", 5, search("tpe.n_candidates"), 24, 5),
    Case("tpe.n_startup_trials", 3, search("tpe.n_startup_trials"), 10, 3),
    Case("tpe.epsilon", 0.3, search("tpe.epsilon"), 0.1, 0.3),
    Case("tpe.prior_weight", 0.3, search("tpe.prior_weight"), 1.0, 0.3),
    Case("demo.max_few_shot_examples", 0, search("max_demos"), 4, 0),
    Case("demo.sets_per_size", 2, search("demo_sets_per_size"), 3, 2),
    Case("demo.include_empty", False, search("include_empty"), True, False),
    Case("demo.placement", "messages", search("demos_in_text"), True, False),
    Case("grounding.n", 4, search("num_instructions"), 10, 4),
    Case("grounding.temperature", 0.3, meta_model("temperature"), 1.0, 0.3),
    Case("grounding.temperature", 0.3, meta_model("temperature"), 0.6, 0.6,
         {"meta_model_temperature": 0.6, "meta_model": "gpt-4o", "meta_model_provider": "openai"}),
    Case("grounding.max_tokens", 600, meta_model("max_completion_tokens"), None, 600),
    Case("meta_update.enabled", True, search("update.enabled"), False, True),
    Case("meta_update.every_iterations", 2, search("update.every_trials"), 15, 10),
    Case("meta_update.topk_success", 5, search("update.topk_success"), 3, 5),
    Case("meta_update.topk_failure", 0, search("update.topk_failure"), 3, 0),
    Case("meta_update.keep_k", 3, search("update.keep_k"), 8, 3),
    Case("meta_update.dedup_token_overlap", 0.5, search("update.max_overlap"), 0.8, 0.5),
    Case("modules", modules({"max_instruction_slots": 2}), of_stage("instructions_of"), 10, 2),
    Case("modules", modules({"max_demo_slots": 1}), of_stage("demos_of"), 4, 1),
    Case("modules", modules(max_instruction_slots=2), of_stage("kept_of"), 8, 2),
    Case("modules", modules(max_demo_slots=0), of_stage("demos_of"), 4, 0),
    Case("modules", modules({"edges": [["b", "a"]]}),
         lambda config: "after b" in search("grounding.roles")(config)["a"],  # type: ignore[index]
         False, True, {"modules": modules()}),
    Case("modules", modules(baseline_messages=[{"role": "system", "content": "Say {x}."}]),
         stage_texts, TWO, [("a", "Say it.\nSay {x}."), TWO[1]], {"modules": modules()}),
]  # fmt: skip

ELSEWHERE = {"spec_path": "tests/unit/runs/test_mipro_search.py"}
"""Options whose proof needs a file."""
DERIVED = {"proposer_settings", "tpe", "demo", "grounding", "meta_update"}


def made(case: Case, *, with_key: bool) -> RunConfig:
    return mipro(**case.changes("mipro", with_key=with_key))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_an_option_that_is_given_changes_what_it_says_and_is_not_warned_of(case: Case) -> None:
    plain, given = made(case, with_key=False), made(case, with_key=True)
    assert (case.see(plain), case.see(given)) == (case.before, case.after)
    assert [text for text in given.warnings if text.startswith(f"mipro.{case.key} ")] == []


def test_every_option_is_proved_to_act_or_is_warned_of() -> None:
    fields = {path: name for name, paths in MIPRO_SETTINGS.items() for path in paths}
    proved = {fields.get(case.key, case.key) for case in CASES} | set(ALWAYS) | set(ELSEWHERE)
    keys = {
        f"{table}.{name}" for table, model in MIPRO_TABLES.items() for name in model.model_fields
    }
    assert proved | set(ALWAYS_IN_TABLES) == (MiproConfig.model_fields.keys() - DERIVED) | keys


def test_every_key_of_a_module_and_of_a_stage_is_proved_or_names_it() -> None:
    slots = {"max_instruction_slots", "max_demo_slots"}
    assert MiproModule.model_fields.keys() == {"module_id", "stages", "edges"} | slots
    words = {"stage_id", "baseline_instruction", "baseline_messages", "policy"}
    assert MiproStage.model_fields.keys() == words | slots


WITHOUT_EFFECT: list[tuple[dict[str, object], str, str]] = [
    ({"strict_bootstrap": True}, "mipro.strict_bootstrap = True", "min_bootstrap_demos"),
    ({"instructions_per_batch": 2}, "mipro.instructions_per_batch = 2", "call of its own"),
    ({"duplicate_retry_limit": 3}, "mipro.duplicate_retry_limit = 3", "never run twice"),
    ({"token_counting_model": "gpt-4"}, "mipro.token_counting_model = 'gpt-4'", "provider"),
    ({"results_file": "x.json"}, "mipro.results_file = 'x.json'", "results_folder"),
    ({"tpe__alpha": 2}, "mipro.tpe.alpha = 2", "tpe.prior_weight"),
    ({"tpe__categorical_alpha": 2}, "mipro.tpe.categorical_alpha = 2", "tpe.prior_weight"),
    (
        {"meta_update__validate_on_batch": 2},
        "mipro.meta_update.validate_on_batch = 2",
        "batch_size",
    ),
    (
        {"meta_update__regen_temperature_decay": 0.9},
        "mipro.meta_update.regen_temperature_decay = 0.9",
        "meta_model_temperature",
    ),
    ({"proposer_mode": "dspy"}, "mipro.proposer_mode = 'dspy'", "[mipro.instructions]"),
    ({"instructions__dspy_temperature": 0.5}, "mipro.instructions.dspy_temperature", "gepa-ai"),
    ({"enforce_token_limit": True}, "mipro.enforce_token_limit = True", "max_token_limit"),
    (
        {"enforce_token_limit": False, "max_token_limit": 9},
        "mipro.max_token_limit = 9",
        "set it to true",
    ),
    (
        {"modules": modules(policy={"model": "gpt-5", "provider": "openai"})},
        "mipro.modules[0].stages[0].policy = 'gpt-5'",
        "gpt-4o-mini",
    ),
    ({"spec_max_tokens": 5}, "mipro.spec_max_tokens = 5", "spec_path"),
    ({"spec_include_examples": True}, "mipro.spec_include_examples = True", "spec_path"),
    ({"spec_priority_threshold": 5}, "mipro.spec_priority_threshold = 5", "spec_path"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "what", "remedy"), WITHOUT_EFFECT, ids=lambda part: str(part))
def test_an_option_without_effect_is_warned_of_with_key_value_and_remedy(
    given: dict[str, object], what: str, remedy: str
) -> None:
    config = mipro(**{f"mipro__{name}": value for name, value in given.items()})
    warnings = [text for text in config.warnings if text.startswith(what)]
    assert len(warnings) == 1, config.warnings
    assert remedy in warnings[0]


def test_every_key_without_effect_is_tried() -> None:
    tried = " ".join(what for _, what, _ in WITHOUT_EFFECT)
    assert [
        name for name in (*ALWAYS, *ALWAYS_IN_TABLES, *SPEC_KEYS) if f"mipro.{name} " not in tried
    ] == []


def test_a_plain_config_and_a_stages_own_copy_of_the_policy_are_warned_of_nothing() -> None:
    same = {"model": "openai/GPT-4o-mini", "provider": "openai", "temperature": 0.0}
    for config in (mipro(), mipro(mipro__modules=modules(policy=same))):
        assert [text for text in config.warnings if not text.startswith("policy.model")] == []
