"""The resolved config as JSON and back, without its secret. A resumed run starts from it."""

import json
from collections.abc import Mapping

from ray_promptopt.config.schema import HIDDEN, RunConfig


def resolved_json(config: RunConfig) -> str:
    """The whole config, indented, the task app's key as `***`."""
    return config.model_dump_json(indent=2)


def config_from_json(text: str, environ: Mapping[str, str]) -> RunConfig:
    """The config that `resolved_json` wrote, with the key of `environ` put back in its place."""
    document = json.loads(text)
    if document["task_app"]["api_key"] == HIDDEN:
        document["task_app"]["api_key"] = environ.get("ENVIRONMENT_API_KEY", "")
    return RunConfig.model_validate(document)
