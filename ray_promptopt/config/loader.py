"""TOML to `RunConfig`. Every fault is collected and raised at once, before anything starts."""

from collections.abc import Mapping
from pathlib import Path

from ray_promptopt.config.document import read_document
from ray_promptopt.config.environment import Substitution, read_toml, with_env_file
from ray_promptopt.config.gather import Problems
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.errors import ConfigError, ConfigProblem


def load_config(path: Path, *, environ: Mapping[str, str]) -> RunConfig:
    """The config in a TOML file. Raises ConfigError with every fault."""
    document = read_toml(path)
    surroundings = with_env_file(document, path, environ)
    return parse_config(document, source=str(path), environ=surroundings, folder=path.parent)


def parse_config(
    mapping: Mapping[str, object],
    *,
    source: str,
    environ: Mapping[str, str],
    folder: Path = Path(),
) -> RunConfig:
    """The config in a parsed TOML document. Raises ConfigError with every fault.

    `folder`: what paths in it are relative to.
    """
    problems = Problems()
    substitution = Substitution(environ, problems)
    document = {name: substitution.fill(value, name) for name, value in mapping.items()}
    config = read_document(document, environ, folder, problems)
    if config is None or problems.found:
        raise ConfigError(
            source,
            tuple(
                ConfigProblem(
                    key=problem.key,
                    value=substitution.hide(problem.value),
                    remedy=substitution.hide(problem.remedy),
                )
                for problem in problems.found
            ),
        )
    return config.model_copy(
        update={"warnings": tuple(substitution.hide(text) for text in problems.warnings)}
    )
