"""A MIPRO run from what one cannot do without; every size follows from the rollouts."""

import os
from collections.abc import Mapping, Sequence

from ray_promptopt.config.loader import parse_config
from ray_promptopt.config.schema import RunConfig


def simple_mipro(
    task_app_url: str,
    *,
    rollouts: int,
    train: Sequence[int],
    validation: Sequence[int],
    test: Sequence[int] = (),
    models: tuple[Mapping[str, object], Mapping[str, object]],
    environ: Mapping[str, str] = os.environ,
) -> RunConfig:
    """The config of "I have so many rollouts". `models` are the policy's and the meta model's
    tables, as `{"provider": "openai", "model": "gpt-4o-mini"}`. Raises ConfigError."""
    policy, meta = models
    document: dict[str, object] = {
        "algorithm": "mipro",
        "task_app_url": task_app_url,
        "policy": dict(policy),
        "termination_config": {"max_rollouts": rollouts},
        "mipro": {
            "auto": "light",
            "meta": dict(meta),
            "bootstrap_train_seeds": list(train),
            "online_pool": list(validation),
            **({"test_pool": list(test)} if test else {}),
        },
    }
    return parse_config(document, source="simple_mipro", environ=environ)
