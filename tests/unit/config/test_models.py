import pytest

from ray_promptopt.config.models import ModelRefused, Role, known_models, resolve_model
from ray_promptopt.core.usage import Usage
from ray_promptopt.llm.prices import Prices
from tests.unit.config.documents import GEPA, MIPRO, gepa, mipro, refused

SUPPORTED = {
    "openai": "gpt-4o gpt-4o-mini gpt-4.1 gpt-4.1-mini gpt-4.1-nano gpt-5 gpt-5-mini gpt-5-nano",
    "groq": (
        "gpt-oss-20b gpt-oss-120b llama-3.3-70b-versatile llama-3.1-8b-instant qwen-32b qwen3-32b"
    ),
    "google": "gemini-2.5-pro gemini-2.5-pro-gt200k gemini-2.5-flash gemini-2.5-flash-lite",
}


@pytest.mark.parametrize("provider", SUPPORTED)
def test_every_supported_model_resolves_in_any_case_and_with_its_prefix(provider: str) -> None:
    for name in SUPPORTED[provider].split():
        plain = resolve_model(provider, name, "policy")
        written = resolve_model(f" {provider.upper()}", f" {provider}/{name.upper()} ", "policy")
        assert (written.provider, written.model) == (provider, plain.model)


def test_every_model_that_ends_has_a_successor_that_does_not_and_that_has_a_price() -> None:
    for provider, models in known_models().items():
        for entry in models.values():
            assert bool(entry.retired) == bool(entry.successor)
            if entry.successor:
                successor = models[entry.successor]
                assert not successor.retired
                assert Prices().cost_usd(provider, successor.api, Usage(1000, 1000))


@pytest.mark.parametrize(
    ("provider", "name", "api"),
    [
        ("openai", "openai/GPT-4o", "gpt-4o"),
        ("groq", "gpt-oss-20b", "openai/gpt-oss-20b"),
        ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("groq", "groq/llama-3.3-70b", "llama-3.3-70b-versatile"),
        ("groq", "llama-3.3-70b-specdec", "llama-3.3-70b-specdec"),
        ("groq", "qwen/qwen3-32b", "qwen/qwen3-32b"),
        ("google", "gemini-2.5-pro-gt200k", "gemini-2.5-pro"),
        ("embedded", "reader", "embedded/reader"),
        ("openai_compatible", "Qwen/Qwen3-4B", "Qwen/Qwen3-4B"),
    ],
)
def test_a_model_gets_the_name_its_api_knows(provider: str, name: str, api: str) -> None:
    assert resolve_model(provider, name, "policy").model == api


@pytest.mark.parametrize(
    ("provider", "name", "role", "says"),
    [
        ("openai", "gpt-5-pro", "policy", "too expensive"),
        ("openai_compatible", "gpt-5-pro", "reflection", "too expensive"),
        ("openai", "gpt-5-nano", "reflection", "too small"),
        ("groq", "gpt-4o", "policy", "provider openai"),
        ("openai", "gemini-2.5-pro", "policy", "provider google"),
        ("synth", "small", "policy", "unsupported provider 'synth'"),
        ("openai", "gpt-9", "policy", "gpt-4o-mini"),
        ("groq", "llama3-groq-70b-8192-tool-use-preview", "policy", "unsupported groq model"),
        ("embedded", "embedded/writer", "policy", "embedded/reader-nano"),
        ("embedded", "embedded/reader", "reflection", "embedded/writer"),
        ("openai_compatible", " ", "policy", "name a model"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(
    provider: str, name: str, role: Role, says: str
) -> None:
    with pytest.raises(ModelRefused, match=says):
        resolve_model(provider, name, role)


def test_a_retired_model_loads_with_a_warning_that_names_its_successor() -> None:
    config = gepa(policy={"provider": "groq", "model": "llama-3.3-70b-versatile"})
    assert "policy.model: llama-3.3-70b-versatile is retired" in config.warnings[0]
    assert "gpt-oss-120b" in config.warnings[0]
    soon = gepa(policy={"provider": "openai", "model": "gpt-5-mini"})
    assert "retired by its provider on 2026-12-11; plan for gpt-6.1-terra" in soon.warnings[0]


def test_the_policy_model_reflects_when_no_other_is_named() -> None:
    config = gepa()
    assert (config.reflection.model, config.reflection.temperature) == ("gpt-4o-mini", 1.0)
    embedded = gepa(policy={"provider": "embedded", "model": "reader-nano"})
    assert embedded.reflection.model == "embedded/writer"


def test_a_nano_policy_needs_a_named_reflection_model() -> None:
    policy = {"provider": "openai", "model": "gpt-5-nano"}
    assert "too small" in refused(GEPA, policy=policy)["gepa.mutation.llm_model"]
    assert "too small" in refused(MIPRO, policy=policy)["mipro.meta_model"]


def test_the_mutation_table_names_the_reflection_model() -> None:
    config = gepa(
        gepa__mutation={
            "llm_model": "gpt-oss-120b",
            "llm_provider": "groq",
            "temperature": 0.7,
            "max_tokens": 512,
        }
    )
    reflection = config.reflection
    assert (reflection.provider, reflection.model) == ("groq", "openai/gpt-oss-120b")
    assert (reflection.temperature, reflection.max_completion_tokens) == (0.7, 512)


def test_meta_keys_name_the_reflection_model_of_mipro() -> None:
    config = mipro(mipro__meta_model="gpt-4.1", mipro__meta={"provider": "openai"})
    assert config.reflection.model == "gpt-4.1"


def test_a_model_without_provider_is_refused() -> None:
    problems = refused(GEPA, gepa__mutation={"llm_model": "gpt-4o"})
    assert "openai" in problems["gepa.mutation.llm_provider"]


def test_urls_of_the_policy_are_refused_except_where_the_server_is_ones_own() -> None:
    for name in ("inference_url", "api_base", "base_url"):
        assert "remove" in refused(GEPA, **{f"policy__{name}": "http://x"})[f"policy.{name}"]
    own = {"provider": "openai_compatible", "model": "Qwen3", "base_url": "http://x/v1"}
    assert gepa(policy=own).policy.base_url == "http://x/v1"
    assert gepa(policy=own).reflection.base_url == "http://x/v1"
    assert "URL" in refused(GEPA, policy={**own, "base_url": None})["policy.base_url"]


def test_an_inference_url_of_a_hosted_mutation_model_is_ignored_with_a_warning() -> None:
    config = gepa(
        gepa__mutation={
            "llm_model": "gpt-4.1",
            "llm_provider": "openai",
            "llm_inference_url": "https://elsewhere/v1",
        }
    )
    assert config.reflection.base_url is None
    assert any("llm_inference_url" in warning for warning in config.warnings)


def test_an_inference_mode_other_than_hosted_is_refused() -> None:
    assert gepa(policy__inference_mode="synth_hosted").policy.model == "gpt-4o-mini"
    assert "policy.inference_mode" in refused(GEPA, policy__inference_mode="direct")
