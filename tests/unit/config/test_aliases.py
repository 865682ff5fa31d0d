from typing import Any

import pytest

from ray_promptopt.cluster.models import upstream_model
from ray_promptopt.config.dump import config_from_json, resolved_json
from tests.unit.config.documents import GEPA, MIPRO, gepa, mipro, refused

LOCAL = {
    "provider": "openai_compatible",
    "model": "Qwen/Qwen3-4B",
    "base_url": "http://127.0.0.1:8000/v1",
}


def test_a_policy_that_is_named_by_an_alias_is_the_model_behind_it_and_keeps_its_name() -> None:
    config = gepa(model_aliases={"GPT-4o-mini": LOCAL}, policy__model="openai/gpt-4o-mini")
    policy = config.policy
    assert (policy.provider, policy.model) == ("openai_compatible", "Qwen/Qwen3-4B")
    assert policy.base_url == LOCAL["base_url"]
    assert policy.named is not None
    assert (policy.named.provider, policy.named.model) == ("openai", "gpt-4o-mini")
    assert not [warning for warning in config.warnings if "retired" in warning]
    assert upstream_model(policy, None).named == "gpt-4o-mini"
    assert config_from_json(resolved_json(config), {}).policy == policy


def test_the_reflection_model_of_an_aliased_policy_is_the_model_behind_it_too() -> None:
    reflection = gepa(model_aliases={"gpt-4o-mini": LOCAL}).reflection
    assert (reflection.model, reflection.base_url) == (LOCAL["model"], LOCAL["base_url"])
    assert reflection.named is None


def test_meta_models_and_fallbacks_may_be_named_by_aliases_of_any_name() -> None:
    config = mipro(
        model_aliases={"writes": "groq/gpt-oss-120b", "spare": LOCAL},
        mipro__meta_model="writes",
        mipro__meta_model_provider="openai",
        policy__fallbacks=[{"model": "spare", "provider": "openai"}],
    )
    assert (config.reflection.provider, config.reflection.model) == ("groq", "openai/gpt-oss-120b")
    assert config.policy_fallbacks[0].model == LOCAL["model"]
    assert config.policy.named is None


@pytest.mark.parametrize(
    ("target", "key", "says"),
    [
        ("local", "model_aliases.small", "points to no model"),
        ("nobody/gpt-4o", "model_aliases.small", "points to no model"),
        ("openai/", "model_aliases.small", "points to no model"),
        (7, "model_aliases.small", "points to no model"),
        ("openai/gpt-9", "model_aliases.small", "unsupported openai model gpt-9"),
        ("openai/gpt-5-pro", "model_aliases.small", "too expensive"),
        ("openai_compatible/Qwen", "model_aliases.small.base_url", "URL of its server"),
        ({**LOCAL, "provider": "groq"}, "model_aliases.small.base_url", "groq has its own"),
        ({**LOCAL, "base_url": "ftp://x"}, "policy.base_url", "must begin with http"),
        ({**LOCAL, "modell": "x"}, "model_aliases.small.modell", "did you mean"),
        ("openai/other", "model_aliases.small", "is an alias itself"),
    ],
)
def test_an_alias_that_points_nowhere_is_refused_by_name(target: Any, key: str, says: str) -> None:
    aliases = {"small": target, "other": "groq/gpt-oss-20b"}
    if says == "is an alias itself":
        aliases["small"] = {
            "provider": "openai_compatible",
            "model": "other",
            "base_url": "http://x",
        }
    assert says in refused(GEPA, model_aliases=aliases, policy__model="small")[key]


def test_an_alias_must_suit_the_role_it_is_used_in() -> None:
    aliases = {"big": "openai/gpt-5-nano"}
    document = {"model_aliases": aliases, "mipro__meta_model": "big"}
    assert (
        "too small"
        in refused(MIPRO, mipro__meta_model_provider="groq", **document)["mipro.meta_model"]
    )


def test_an_alias_that_nothing_is_named_by_is_warned_of() -> None:
    assert any("model_aliases.x: no model" in warning
               for warning in gepa(model_aliases={"x": LOCAL}).warnings)  # fmt: skip
    assert "make it a table" in refused(GEPA, model_aliases=["x"])["model_aliases"]
