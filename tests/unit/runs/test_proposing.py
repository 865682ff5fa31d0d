from ray_promptopt.algorithms.gepa.proposers import ProposerSettings
from ray_promptopt.runs.proposing import proposer_settings
from tests.unit.config.documents import gepa
from tests.unit.config.test_spec import SPEC

TEMPLATE = "Improve <curr_param> by <side_info>"


def settings(program: str = "", **changes: object) -> ProposerSettings:
    config = gepa(**changes)
    assert config.gepa is not None
    return proposer_settings(config.gepa, program, config.initial_prompt)


def test_settings_of_a_plain_config_are_the_references_own() -> None:
    assert settings() == ProposerSettings()


def test_settings_take_template_and_guidance_from_where_they_stand() -> None:
    guided = settings(gepa__metaprompt="Be kind.", gepa__mutation={"prompt": "Be brief."})
    assert (guided.template, guided.guidance) == (None, "Be kind.\n\nBe brief.")
    own = settings(gepa__metaprompt="Be kind.", gepa__mutation={"prompt": TEMPLATE})
    assert (own.template, own.guidance) == (TEMPLATE, "Be kind.")
    assert settings(gepa__reflection_prompt=TEMPLATE).template == TEMPLATE


def test_settings_take_flavour_effort_program_and_spec() -> None:
    made = settings(
        "def program(): ...",
        gepa__proposer_type="spec",
        gepa__proposer_mode="synth",
        gepa__proposer_effort="HIGH",
        gepa__spec=SPEC,
        gepa__spec_priority_threshold=5,
    )
    assert (made.flavour, made.effort, made.program) == ("synth", "HIGH", "def program(): ...")
    assert "give one label" in made.spec
    assert "be kind" not in made.spec


def test_token_limit_is_the_least_of_the_prompts_and_the_stages_own() -> None:
    modules = [{"module_id": "a", "max_tokens": 300}, {"module_id": "extra", "max_tokens": 50}]
    stage = {"metadata": {"pipeline_modules": ["a"]}}
    assert settings(gepa__token={"max_limit": 500}).max_prompt_tokens == 500
    limits = {"max_limit": 500, "enforce_pattern_limit": False}
    assert settings(gepa__token=limits).max_prompt_tokens is None
    limited = settings(gepa__token=limits, gepa__modules=modules, initial_prompt=stage)
    assert limited.max_prompt_tokens == 300
