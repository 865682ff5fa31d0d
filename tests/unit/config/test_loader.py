import contextlib
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from ray_promptopt.config.loader import load_config, parse_config
from ray_promptopt.core.errors import ConfigError
from tests.unit.config.documents import GEPA, MIPRO, changed, gepa, mipro, refused


def test_keys_at_the_root_and_under_prompt_learning_mean_the_same() -> None:
    nested = parse_config({"prompt_learning": GEPA}, source="test", environ={})
    assert nested == gepa()


def test_an_absent_nested_key_does_not_shadow_the_flat_alias() -> None:
    config = gepa(gepa__population={"num_generations": 4}, gepa__children_per_generation=7)
    assert config.gepa is not None
    assert config.gepa.children_per_generation == 7
    assert config.gepa.num_generations == 4


def test_flat_and_nested_that_differ_are_refused_naming_both() -> None:
    problems = refused(GEPA, gepa__rollout_budget=90)
    assert "gepa.rollout.budget" in problems["gepa.rollout_budget"]


def test_flat_and_nested_that_agree_are_one() -> None:
    assert gepa(gepa__rollout_budget=100).limits.max_rollouts == 100


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    problems = refused(GEPA, gepa__rollout__minibatch_sise=3, task_app_urll="x")
    assert "rollout.minibatch_size" in problems["gepa.rollout.minibatch_sise"]
    assert "task_app_url" in problems["task_app_urll"]


def test_an_unknown_key_is_a_warning_when_not_strict() -> None:
    config = gepa(
        strict=False, gepa__rollout__minibatch_sise=3, gateway={"prot": 1}, prices={}, policy__x=1
    )
    assert [warning.split(":")[0] for warning in config.warnings][:2] == [
        "gepa.rollout.minibatch_sise",
        "policy.x",
    ]
    assert any(warning.startswith("gateway.prot: unknown key") for warning in config.warnings)


def test_an_unknown_key_deep_in_a_section_is_dropped_when_not_strict() -> None:
    config = mipro(strict=False, mipro__tpe={"gama": 0.1, "n_candidates": 8})
    assert config.mipro is not None
    assert config.mipro.tpe.n_candidates == 8
    assert any("mipro.tpe.gama" in warning and "gamma" in warning for warning in config.warnings)


def test_all_faults_are_reported_at_once() -> None:
    problems = refused(
        GEPA,
        task_app_url="ftp://x",
        policy__model="gpt-9",
        gepa__rollout__minibatch_size=0,
        gepa__mutation__rate=1.5,
        gepa__archive={"pareto_eps": 1.0},
    )
    assert problems.keys() == {
        "task_app_url",
        "policy.model",
        "gepa.rollout.minibatch_size",
        "gepa.mutation.rate",
        "gepa.archive.pareto_eps",
    }


def test_an_unknown_algorithm_is_refused_with_the_rest_of_the_document() -> None:
    problems = refused(GEPA, algorithm="grid", policy__provider="synth")
    assert problems.keys() == {"algorithm", "policy.provider"}


def test_a_missing_variable_is_refused_by_name_and_key() -> None:
    problems = refused(GEPA, task_app_url="${NO_SUCH_URL}/app")
    assert "NO_SUCH_URL" in problems["task_app_url"]


def test_variables_come_from_the_env_file_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "run.env").write_text(
        "# comment\nexport APP_URL='http://a'\nENVIRONMENT_API_KEY=k\n"
    )
    path = tmp_path / "run.toml"
    path.write_text(
        textwrap.dedent("""
            env_file_path = "run.env"
            [prompt_learning]
            algorithm = "gepa"
            task_app_url = "${APP_URL}"
            policy = { provider = "groq", model = "gpt-oss-20b" }
            [prompt_learning.gepa]
            rollout_budget = 100
            evaluation_seeds = { end = 8 }
            val_seeds = [9, 10]
        """)
    )
    config = load_config(path, environ={"APP_URL": "http://b"})
    assert config.task_app.url == "http://b"
    assert config.task_app.api_key.get_secret_value() == "k"
    assert load_config(path, environ={}).task_app.url == "http://a"


def test_broken_toml_is_refused_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("algorithm = \n")
    with pytest.raises(ConfigError, match=r"line 1, column 13"):
        load_config(path, environ={})


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_unreadable_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.toml"):
        load_config(path, environ={})


def test_a_missing_env_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('env_file_path = "nowhere.env"')
    with pytest.raises(ConfigError, match=r"nowhere\.env"):
        load_config(path, environ={})


def test_no_secret_is_in_a_message() -> None:
    environ = {"MY_API_KEY": "hunter2", "ENVIRONMENT_API_KEY": "hunter3"}
    document = changed(
        GEPA,
        task_app_api_key=7,
        gepa__env_name="${MY_API_KEY}",
        env_name="other",
        tsk="${MY_API_KEY}",
    )
    with pytest.raises(ConfigError) as caught:
        parse_config(document, source="test", environ=environ)
    assert "hunter" not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_secret_typed_under_an_unknown_key_is_not_shown() -> None:
    problems = refused(GEPA, task_app_api_keys="hunter2")
    assert "hunter2" not in problems["task_app_api_keys"]


def test_the_task_app_url_may_be_left_out_for_a_shipped_task_app_alone() -> None:
    assert gepa(task_app_url=None, task_app_id="intents").task_app.url is None
    assert "task_app_id" in refused(GEPA, task_app_url=None)["task_app_url"]
    assert "task_app_url" in refused(GEPA, task_app_url=None, task_app_id="mine")


def test_tables_without_effect_are_kept_checked_and_warned_about() -> None:
    config = gepa(proxy_models={"hi_model": "a"}, gepa__adaptive_batch={"level": "LOW"})
    assert config.pass_through == {
        "proxy_models": {"hi_model": "a"},
        "adaptive_batch": {"level": "LOW"},
    }
    assert sum("no effect" in warning for warning in config.warnings) == 2
    assert "hi_model" in refused(GEPA, proxy_models={"hi_modle": "a"})["proxy_models.hi_modle"]


def test_an_enabled_judge_needs_its_backend() -> None:
    problems = refused(GEPA, judge={"enabled": True, "reward_source": "fused"})
    assert problems.keys() == {
        "judge.backend_base",
        "judge.backend_provider",
        "judge.backend_model",
        "judge.weight_outcome",
    }


def test_options_of_the_run_are_read_beside_the_table() -> None:
    document = {
        "prompt_learning": GEPA,
        "gateway": {"port": 8080},
        "execution": {"num_workers": 2},
        "embedded": {"error_rate": 0.1},
        "prices": {"m": {"input": 1, "output": 2}},
        "model_aliases": {"gpt-4o-mini": "groq/gpt-oss-20b"},
        "display": {"tui": True},
    }
    config = parse_config(document, source="test", environ={})
    assert config.gateway.port == 8080
    assert config.execution.num_workers == 2
    assert config.embedded.error_rate == 0.1
    assert config.prices["m"].output == 2
    assert config.model_aliases["gpt-4o-mini"].provider == "groq"
    assert config.display == {"tui": True}


ODD: tuple[object, ...] = (7.5, -1, "x", "", True, [], [1.5], [[]], [{}], {}, {"": {}}, {"a": [1]})


def _paths(table: object, parent: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(table, dict):
        for name, value in table.items():
            yield (*parent, name)
            yield from _paths(value, (*parent, name))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("base", [GEPA, MIPRO], ids=["gepa", "mipro"])
def test_an_odd_value_anywhere_is_refused_or_read_but_never_a_crash(
    base: dict[str, object], strict: bool
) -> None:
    rich = changed(
        base,
        strict=strict,
        initial_prompt={
            "messages": [],
            "wildcards": {},
            "metadata": {"pipeline_modules": ["a"]},
        },
        termination_config={"max_seconds": 5},
        env_config={"split": "train", "test_pool": [9]},
        judge={"enabled": True},
        gateway={"port": 1},
        prices={"m": {"input": 1, "output": 1}},
        model_aliases={"a": "groq/gpt-oss-20b", "b": {"provider": "groq", "model": "x"}},
        display={},
        train_seeds=[1],
        rng_seed=1,
        max_concurrent=2,
        gepa__modules=[],
        gepa__mutation={"llm_model": "gpt-4o", "llm_provider": "openai", "temperature": 1},
        mipro__modules=[],
        mipro__meta_model="gpt-4o",
        mipro__meta={"provider": "openai"},
        mipro__tpe={"gamma": 0.5},
    )
    for path in _paths(rich):
        for value in ODD:
            with contextlib.suppress(ConfigError):
                parse_config(changed(rich, **{"__".join(path): value}), source="test", environ={})
