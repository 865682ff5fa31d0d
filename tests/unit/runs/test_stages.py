from pathlib import Path

from ray_promptopt.config.loader import load_config
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.runs.mipro_search import Context, mipro_settings
from ray_promptopt.runs.stages import declared_stages, learn_from, stage_roles, stage_slots

MIPRO = """
algorithm = "mipro"
task_app_url = "http://127.0.0.1:8112"
[policy]
provider = "embedded"
model = "embedded/reader-nano"
[mipro]
meta_model = "embedded/writer"
meta_model_provider = "embedded"
rollout_budget = 90
bootstrap_train_seeds = [0, 1, 2, 3]
online_pool = [4, 5, 6, 7]
[mipro.grounding]
n = 6
"""
MODULES = """
[[mipro.modules]]
id = "pipeline"
max_demo_slots = 2
edges = [["plan", "answer"], ["look_up", "answer"]]
[[mipro.modules.stages]]
stage_id = "plan"
baseline_instruction = "Plan the work."
max_instruction_slots = 3
[[mipro.modules.stages]]
stage_id = "look_up"
baseline_instruction = "Find what is known."
max_demo_slots = 0
[[mipro.modules.stages]]
stage_id = "answer"
baseline_instruction = "Answer the customer."
baseline_messages = [{ role = "system", content = "Answer the customer by {plan}." }]
"""
NAMED = """
[initial_prompt.metadata]
pipeline_modules = ["first", { name = "second", instruction_text = "Check it." }]
[[mipro.modules]]
module_id = "first"
stages = [{ stage_id = "first_stage_0", baseline_instruction = "Say it.", max_demo_slots = 1 }]
"""


def config(folder: Path, tables: str) -> RunConfig:
    path = folder / "mipro.toml"
    path.write_text(MIPRO + tables, encoding="utf-8")
    return load_config(path, environ={})


def test_stages_of_mipro_modules_are_declared_in_order_with_their_words(tmp_path: Path) -> None:
    stages = declared_stages(config(tmp_path, MODULES))
    assert [stage.name for stage in stages] == ["plan", "look_up", "answer"]
    assert stages[0].text == "Plan the work."
    assert stages[2].text == "Answer the customer.\nAnswer the customer by {plan}."
    assert stages[2].messages[0].role == "system"


def test_stages_that_the_prompt_names_come_first_and_take_what_their_module_says(
    tmp_path: Path,
) -> None:
    named = config(tmp_path, NAMED)
    assert [(stage.name, stage.text) for stage in declared_stages(named)] == [
        ("first", "Say it."),
        ("second", "Check it."),
    ]
    assert stage_slots(named)["first"].demos == 1


def test_one_stage_is_no_pipeline(tmp_path: Path) -> None:
    one = MODULES.split("[[mipro.modules.stages]]")
    alone = one[0].replace('edges = [["plan", "answer"], ["look_up", "answer"]]\n', "")
    lone = config(tmp_path, f"{alone}[[mipro.modules.stages]]{one[1]}")
    assert declared_stages(lone) == ()
    calls = [[[ChatMessage("system", f"Plan the work.\nQuery: {n}")]] for n in range(3)]
    assert [stage.name for stage in learn_from(calls, lone).stages] == ["main"]


def test_limits_of_a_stage_are_its_own_else_its_modules(tmp_path: Path) -> None:
    loaded = config(tmp_path, MODULES)
    assert loaded.mipro is not None
    settings = mipro_settings(loaded, loaded.mipro, 87, Context())
    stages = ("plan", "look_up", "answer", "other")
    assert [settings.instructions_of(stage) for stage in stages] == [3, 6, 6, 6]
    assert [settings.demos_of(stage) for stage in stages] == [2, 0, 2, 4]
    assert settings.kept_of("plan") == 3


def test_role_of_a_stage_says_what_it_comes_after(tmp_path: Path) -> None:
    roles = stage_roles(config(tmp_path, MODULES))
    assert "number 3 of 3: plan → look_up → answer" in roles["answer"]
    assert "comes after plan and look_up" in roles["answer"]
    assert "comes after" not in roles["plan"]
    assert "comes after first" in stage_roles(config(tmp_path, NAMED))["second"]


def test_calls_of_a_pipeline_are_learned_stage_by_stage(tmp_path: Path) -> None:
    calls = [
        [
            [ChatMessage("system", "Say it."), ChatMessage("user", f"q{n}")],
            [ChatMessage("system", "Check it."), ChatMessage("user", f"a{n}")],
        ]
        for n in range(3)
    ]
    initial = learn_from(calls, config(tmp_path, NAMED)).initial_candidate()
    assert initial.texts == {"first.system": "Say it.", "second.system": "Check it."}
