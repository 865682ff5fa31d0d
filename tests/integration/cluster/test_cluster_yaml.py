"""`cluster.yaml` is what Ray's launcher takes, and starts nothing that is open to the world."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

PATH = Path(__file__).resolve().parents[3] / "cluster.yaml"


@pytest.fixture
def described() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return config


def test_the_launcher_accepts_the_file_as_it_fills_it_in(described: dict[str, Any]) -> None:
    validate_config(prepare_config(described))


def test_the_launcher_refuses_a_key_that_it_does_not_know(described: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="head_node_typo"):
        validate_config(prepare_config({**described, "head_node_typo": "head"}))


def test_every_node_starts_with_token_authentication_and_the_dashboard_on_loopback(
    described: dict[str, Any],
) -> None:
    starts = [
        command
        for commands in ("head_start_ray_commands", "worker_start_ray_commands")
        for command in described[commands]
        if "ray start" in command
    ]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token ray start" in command for command in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
