from pathlib import Path

import pytest

from ray_promptopt.config.dump import config_from_json, resolved_json
from ray_promptopt.config.loader import load_config

CONFIGS = Path(__file__).parents[3] / "configs"
ENVIRON = {"TASK_APP_URL": "http://127.0.0.1:8101", "ENVIRONMENT_API_KEY": "k"}


def _paths() -> list[Path]:
    return sorted(CONFIGS.glob("*.toml"))


def test_there_are_configs_to_load() -> None:
    assert {
        "intents_gepa.toml",
        "intents_mipro.toml",
        "banking77_gepa.toml",
        "openai_gepa.toml",
    } <= {path.name for path in _paths()}


@pytest.mark.parametrize("path", _paths(), ids=lambda path: path.stem)
def test_every_config_loads_and_comes_back_from_its_dump(path: Path) -> None:
    config = load_config(path, environ=ENVIRON)
    assert config_from_json(resolved_json(config), ENVIRON) == config
    assert config.splits.test
