import pytest

from ray_promptopt.config.proposer import flavour_of
from tests.unit.config.documents import GEPA, MIPRO, gepa, mipro, refused

TEMPLATE = "Improve <curr_param> by <side_info>"


@pytest.mark.parametrize(
    ("proposer_type", "mode", "flavour"),
    [
        (None, None, "gepa-ai"),
        ("dspy", None, "dspy"),
        ("spec", None, "dspy"),
        ("spec", "synth", "synth"),
        ("dspy", "gepa-ai", "gepa-ai"),
        ("synth", None, "synth"),
        (None, "synth", "synth"),
    ],
)
def test_flavour_is_the_mode_or_else_the_type(
    proposer_type: str | None, mode: str | None, flavour: str
) -> None:
    assert flavour_of(proposer_type, mode) == flavour


def test_flavours_that_contradict_each_other_are_refused() -> None:
    found = refused(GEPA, gepa__proposer_type="synth", gepa__proposer_mode="dspy")
    assert found.keys() == {"gepa.proposer_mode"}


def test_output_tokens_limit_the_mutation_model_unless_it_has_a_limit_of_its_own() -> None:
    assert gepa().reflection.max_completion_tokens is None
    for name, tokens in (("RAPID", 3000), ("FAST", 10000), ("SLOW", 25000)):
        config = gepa(gepa__proposer_output_tokens=name)
        assert config.reflection.max_completion_tokens == tokens
    own = gepa(gepa__proposer_output_tokens="SLOW", gepa__mutation={"max_tokens": 512})
    assert own.reflection.max_completion_tokens == 512
    assert mipro(mipro__proposer_output_tokens="RAPID").reflection.max_completion_tokens == 3000
    assert "mipro.proposer_output_tokens" in refused(MIPRO, mipro__proposer_output_tokens="QUICK")


def test_settings_of_the_flavour_in_use_outrank_the_mutation_models_own() -> None:
    mutation = {
        "llm_model": "gpt-4o",
        "llm_provider": "openai",
        "temperature": 0.7,
        "dspy_meta_model": "llama-3.3-70b-versatile",
        "dspy_meta_provider": "groq",
        "dspy_temperature": 0.2,
        "dspy_max_tokens": 900,
        "synth_temperature": 0.3,
    }
    used = gepa(gepa__mutation=mutation, gepa__proposer_mode="dspy").reflection
    assert (used.model, used.provider) == ("llama-3.3-70b-versatile", "groq")
    assert (used.temperature, used.max_completion_tokens) == (0.2, 900)
    other = gepa(gepa__mutation=mutation, gepa__proposer_mode="synth").reflection
    assert (other.model, other.temperature, other.max_completion_tokens) == ("gpt-4o", 0.3, None)
    bad = {**mutation, "dspy_temperature": -1}
    found = refused(GEPA, gepa__mutation=bad, gepa__proposer_mode="dspy")
    assert found.keys() == {"gepa.mutation.dspy_temperature"}


def test_mutation_prompt_is_a_template_or_guidance_and_nothing_between() -> None:
    for text in (TEMPLATE, "Write for bank clerks."):
        config = gepa(gepa__mutation={"prompt": text}).gepa
        assert config is not None
        assert config.mutation_prompt == text
    half = refused(GEPA, gepa__mutation={"prompt": "Improve <curr_param>"})
    assert "add <side_info>" in half["gepa.mutation.prompt"]
    two = refused(GEPA, gepa__mutation={"prompt": TEMPLATE}, gepa__reflection_prompt=TEMPLATE)
    assert "give one of them" in two["gepa.mutation.prompt"]
