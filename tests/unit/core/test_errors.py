import importlib
import pickle
import pkgutil

import pytest

import ray_promptopt
from ray_promptopt.core.errors import (
    ConfigError,
    ConfigProblem,
    PromptOptError,
    TaskAppError,
    UpstreamError,
)

MADE_SPECIALLY: dict[type[PromptOptError], PromptOptError] = {
    ConfigError: ConfigError("a.toml", (ConfigProblem("gepa", "1", "give a table"),)),
    TaskAppError: TaskAppError("down", retryable=True, status_code=503),
    UpstreamError: UpstreamError(
        "busy", status_code=429, code="busy", retryable=True, fatal=True, retry_after_s=1.5
    ),
}


def all_errors() -> list[type[PromptOptError]]:
    """Every error class of the package, also those outside of core."""
    for module in pkgutil.walk_packages(ray_promptopt.__path__, "ray_promptopt."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: list[type[PromptOptError]] = [PromptOptError]
    for error in found:
        found += [sub for sub in error.__subclasses__() if sub not in found]
    return found


@pytest.mark.parametrize("error_class", all_errors(), ids=lambda error: error.__name__)
def test_error_when_it_crosses_a_process_boundary_then_arrives_whole(
    error_class: type[PromptOptError],
) -> None:
    error = MADE_SPECIALLY.get(error_class) or error_class("what failed: do this")
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is error_class
    assert str(arrived) == str(error)
    assert arrived.__dict__ == error.__dict__
