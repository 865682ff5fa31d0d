"""The response cache and the models that stand in: off by default, checked before a run starts."""

import pytest

from ray_promptopt.cluster.models import run_binding
from ray_promptopt.config.dump import config_from_json, resolved_json
from ray_promptopt.core.ids import RunId
from ray_promptopt.llm.models import UpstreamModel
from tests.unit.config.documents import GEPA, MIPRO, gepa, mipro, refused

LOCAL = {"provider": "openai_compatible", "model": "m", "base_url": "http://127.0.0.1:8000/v1"}
LLM = {"llm_provider": LOCAL["provider"], "base_url": LOCAL["base_url"]}
GROQ = {"provider": "Groq", "model": "gpt-oss-20b"}


def test_both_are_off_by_default() -> None:
    for config in (gepa(), mipro()):
        binding = run_binding(config, RunId("pl_1"), None)
        assert binding.fallbacks == ()
        assert not binding.response_cache
        assert not [words for words in config.warnings if "fallback" in words or "cache" in words]


def test_what_is_asked_for_reaches_every_binding_of_the_run_also_after_a_resume() -> None:
    config = gepa(policy__fallbacks=[GROQ, LOCAL], gateway={"response_cache": True})
    resumed = config_from_json(resolved_json(config), {})
    for known in (config, resumed):
        binding = run_binding(known, RunId("pl_1"), None)
        assert binding.response_cache
        assert binding.upstream.model == "gpt-4o-mini"
        assert binding.fallbacks == (
            UpstreamModel("groq", "openai/gpt-oss-20b"),
            UpstreamModel("openai_compatible", "m", "http://127.0.0.1:8000/v1"),
        )


def test_both_are_warned_of_for_what_they_do_to_the_comparison_of_candidates() -> None:
    config = mipro(policy__fallbacks=[GROQ], gateway={"response_cache": True})
    said = "\n".join(config.warnings)
    assert "policy.fallbacks: where one of them answers" in said
    assert "gateway.response_cache: a repeated request is no fresh sample" in said


@pytest.mark.parametrize(
    ("fallbacks", "key", "words"),
    [
        ("gpt-4o", "policy.fallbacks", "list of tables"),
        (["gpt-4o"], "policy.fallbacks", "list of tables"),
        ([{}], "policy.fallbacks[0].model", "name a model"),
        ([{"model": "gpt-4o"}], "policy.fallbacks[0].provider", "give one of"),
        ([{**GROQ, "model": "gpt-4o"}], "policy.fallbacks[0].model", "of provider openai"),
        ([{**GROQ, "temperature": 0}], "policy.fallbacks[0].temperature", "unknown key"),
        ([{**GROQ, "modle": "x"}], "policy.fallbacks[0].modle", "did you mean model?"),
        ([{**GROQ, "base_url": "http://x"}], "policy.fallbacks[0].base_url", "remove it"),
        ([{**LOCAL, "base_url": "x"}], "policy.fallbacks[0].base_url", "http://"),
        ([{**LOCAL, "base_url": None}], "policy.fallbacks[0].base_url", "needs the URL"),
        ([GROQ, GROQ], "policy.fallbacks[1].model", "asked before already"),
        ([dict(GEPA["policy"])], "policy.fallbacks[0].model", "asked before already"),  # type: ignore[call-overload]
    ],
)
def test_a_fallback_that_cannot_be_used_is_refused_by_its_key(
    fallbacks: object, key: str, words: str
) -> None:
    for document in (GEPA, MIPRO):
        problems = refused(document, policy__fallbacks=fallbacks)
        assert words in problems[key]


@pytest.mark.parametrize("value", ["yes", 1, "run", {}])
def test_a_cache_is_wanted_or_not(value: object) -> None:
    assert "gateway.response_cache" in refused(GEPA, gateway={"response_cache": value})


@pytest.mark.parametrize("objective", ["cost", "latency"])
def test_a_cache_and_an_objective_that_it_falsifies_are_refused_together(objective: str) -> None:
    problems = refused(
        GEPA,
        gateway={"response_cache": True},
        gepa__objectives=["reward", objective],
        gepa__front_type="hybrid",
    )
    assert objective in problems["gateway.response_cache"]


def test_a_retired_fallback_is_a_warning() -> None:
    retired = {"provider": "groq", "model": "llama-3.3-70b-versatile"}
    assert any(words.startswith("policy.fallbacks[0].model") for words in
               gepa(policy__fallbacks=[retired]).warnings)  # fmt: skip


LIMITED = {"max_cost_usd": 1.0}


@pytest.mark.parametrize(
    ("changes", "unpriced"),
    [
        ({"policy": LOCAL, "gepa__mutation": {**LLM, "llm_model": "w"}}, {"m", "w"}),
        ({"policy__fallbacks": [LOCAL]}, {"m"}),
        ({"policy__fallbacks": [LOCAL], "prices": {"m": {"input": 0, "output": 0}}}, set()),
        ({}, set()),
    ],
)
def test_a_limit_in_usd_needs_the_prices_that_no_list_knows(
    changes: dict[str, object], unpriced: set[str]
) -> None:
    keys = {f'prices."{name}"' for name in unpriced}
    for limit in (LIMITED, {"max_category_costs_usd": {"rollout": 1.0}}):
        if keys:
            assert refused(GEPA, termination_config=limit, **changes).keys() == keys
        else:
            gepa(termination_config=limit, **changes)
    gepa(**changes)
