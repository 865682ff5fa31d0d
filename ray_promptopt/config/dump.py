"""The resolved config as JSON and back, without its secret. A resumed run starts from it."""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from ray_promptopt.config.schema import HIDDEN, RunConfig
from ray_promptopt.core.errors import ConfigError, ConfigProblem


def resolved_json(config: RunConfig) -> str:
    """The whole config, indented, the task app's key as `***`."""
    return config.model_dump_json(indent=2)


def config_from_json(text: str, environ: Mapping[str, str]) -> RunConfig:
    """The config that `resolved_json` wrote, with the key of `environ` put back in its place.

    Raises ConfigError when it is not one that this version understands.
    """
    document = json.loads(text)
    if document["task_app"]["api_key"] == HIDDEN:
        document["task_app"]["api_key"] = environ.get("ENVIRONMENT_API_KEY", "")
    try:
        return RunConfig.model_validate(document)
    except ValidationError as error:
        problems = tuple(
            ConfigProblem(
                ".".join(map(str, fault["loc"])),
                repr(fault["input"])[:80],
                f"{fault['msg']}; it was written by another version: start a new run",
            )
            for fault in error.errors()
        )
        raise ConfigError("the run's config in the store", problems) from error
