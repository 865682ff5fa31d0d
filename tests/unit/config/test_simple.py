import pytest

from ray_promptopt.config.schema import RunConfig
from ray_promptopt.config.simple import simple_mipro
from ray_promptopt.core.errors import ConfigError

NANO = {"provider": "embedded", "model": "embedded/reader-nano"}
WRITER = {"provider": "embedded", "model": "embedded/writer"}


def simple(rollouts: int) -> RunConfig:
    return simple_mipro(
        "http://127.0.0.1:8101",
        rollouts=rollouts,
        train=range(20),
        validation=range(20, 60),
        test=range(60, 80),
        models=(NANO, WRITER),
        environ={},
    )


def test_a_number_of_rollouts_is_enough_for_a_whole_config() -> None:
    config = simple(96)
    assert config.limits.max_rollouts == 96
    assert config.mipro is not None
    assert config.mipro.batch_size == 5
    assert (config.policy.model, config.reflection.model) == (NANO["model"], WRITER["model"])
    assert config.splits.test == tuple(range(60, 80))


def test_too_few_rollouts_are_refused_under_the_key_that_a_config_would_have() -> None:
    with pytest.raises(ConfigError, match=r"termination_config\.max_rollouts"):
        simple(5)
