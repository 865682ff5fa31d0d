import json
from typing import Any

import pytest
from pydantic import SecretStr

from ray_promptopt.config.dump import config_from_json, resolved_json
from ray_promptopt.core.errors import ConfigError
from tests.fakes.world import config


def test_config_when_stored_and_read_back_then_has_the_key_of_today() -> None:
    made = config()
    keyed = made.task_app.model_copy(update={"api_key": SecretStr("of-yesterday")})
    stored = resolved_json(made.model_copy(update={"task_app": keyed}))
    assert "of-yesterday" not in stored
    read = config_from_json(stored, {"ENVIRONMENT_API_KEY": "of-today"})
    assert read.task_app.api_key.get_secret_value() == "of-today"
    assert config_from_json(stored, {}) == made


def test_config_when_written_by_another_version_then_names_what_does_not_fit() -> None:
    stored: dict[str, Any] = json.loads(resolved_json(config()))
    stored["limits"]["max_rollouts"] = "many"
    with pytest.raises(ConfigError, match=r"limits\.max_rollouts = 'many'.*start a new run"):
        config_from_json(json.dumps(stored), {})
