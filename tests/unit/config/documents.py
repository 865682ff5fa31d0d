"""Smallest documents that load, and what a faulty one is refused for."""

from collections.abc import Mapping
from copy import deepcopy

import pytest

from ray_promptopt.config.loader import parse_config
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.errors import ConfigError

GEPA: dict[str, object] = {
    "algorithm": "gepa",
    "task_app_url": "http://127.0.0.1:8101",
    "policy": {"provider": "openai", "model": "gpt-4o-mini"},
    "gepa": {
        "rollout": {"budget": 100, "minibatch_size": 3},
        "evaluation": {"seeds": [0, 1, 2, 3], "validation_seeds": [4, 5, 6]},
    },
}
MIPRO: dict[str, object] = {
    "algorithm": "mipro",
    "task_app_url": "http://127.0.0.1:8101",
    "policy": {"provider": "openai", "model": "gpt-4o-mini"},
    "mipro": {"bootstrap_train_seeds": [0, 1, 2], "online_pool": [3, 4, 5]},
}


def changed(document: Mapping[str, object], **changes: object) -> dict[str, object]:
    """A copy with `a__b=value` set at a.b; None removes the key."""
    copy: dict[str, object] = deepcopy(dict(document))
    for path, value in changes.items():
        *parents, last = path.split("__")
        table = copy
        for parent in parents:
            inner = table.setdefault(parent, {})
            assert isinstance(inner, dict)
            table = inner
        if value is None:
            table.pop(last, None)
        else:
            table[last] = value
    return copy


def gepa(**changes: object) -> RunConfig:
    return parse_config(changed(GEPA, **changes), source="test", environ={})


def mipro(**changes: object) -> RunConfig:
    return parse_config(changed(MIPRO, **changes), source="test", environ={})


def refused(
    document: Mapping[str, object], environ: Mapping[str, str] | None = None, /, **changes: object
) -> dict[str, str]:
    """Key to `value: remedy` of every problem."""
    with pytest.raises(ConfigError) as caught:
        parse_config(changed(document, **changes), source="test", environ=environ or {})
    return {problem.key: f"{problem.value}: {problem.remedy}" for problem in caught.value.problems}
