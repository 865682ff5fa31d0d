import json
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from ray_promptopt.config.base import Section
from ray_promptopt.config.dump import config_from_json, resolved_json
from ray_promptopt.config.loader import parse_config
from tests.unit.config.documents import GEPA, MIPRO, changed, gepa, mipro


def _sections(root: type[Section]) -> Iterator[type[Section]]:
    for section in root.__subclasses__():
        yield section
        yield from _sections(section)


def test_every_field_says_what_it_is() -> None:
    silent = [
        f"{section.__name__}.{name}"
        for section in _sections(Section)
        for name, field in section.model_fields.items()
        if not field.description
    ]
    assert silent == []


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValidationError):
        gepa().rng_seed = 1


@pytest.mark.parametrize("document", [GEPA, MIPRO], ids=["gepa", "mipro"])
def test_a_config_comes_back_from_its_dump_as_it_was(document: dict[str, object]) -> None:
    environ = {"ENVIRONMENT_API_KEY": "hunter2"}
    rich = changed(
        document,
        env_config={"split": "train", "deep": {"list": [1, None, "x"]}},
        prices={"m": {"input": 1, "output": 2}},
        initial_prompt={
            "messages": [{"role": "system", "pattern": "{x}"}],
            "wildcards": {"x": "R"},
        },
    )
    config = parse_config(rich, source="test", environ=environ)
    assert config_from_json(resolved_json(config), environ) == config


def test_the_key_is_not_in_the_dump_nor_in_the_repr() -> None:
    config = parse_config(GEPA, source="test", environ={"ENVIRONMENT_API_KEY": "hunter2"})
    assert "hunter2" not in resolved_json(config) + repr(config)
    assert json.loads(resolved_json(config))["task_app"]["api_key"] == "***"


def test_a_key_of_the_toml_outranks_the_environment() -> None:
    config = parse_config(
        {**GEPA, "task_app_api_key": "mine"}, source="test", environ={"ENVIRONMENT_API_KEY": "no"}
    )
    assert config.task_app.api_key.get_secret_value() == "mine"


def test_defaults_that_other_rooms_count_on() -> None:
    config = mipro()
    assert config.max_concurrent == 20
    assert (config.gateway.host, config.gateway.port) == ("127.0.0.1", 0)
    assert (config.execution.task_app_timeout_s, config.execution.max_attempts) == (120.0, 4)
    assert config.gepa is None
    assert config.env_name == ""
