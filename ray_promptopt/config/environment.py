"""The TOML file and its surroundings: reading it, its env file, and filling in `${VAR}`."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from ray_promptopt.config.gather import Problems
from ray_promptopt.core.errors import ConfigError, ConfigProblem

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


def read_toml(path: Path) -> dict[str, object]:
    """The parsed file. Raises ConfigError when it is missing or not TOML."""
    text = _read_text(path, "config file", str(path))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = ConfigProblem("TOML", str(error), "mend the syntax there")
        raise ConfigError(str(path), (problem,)) from error


def with_env_file(
    document: Mapping[str, object], path: Path, environ: Mapping[str, str]
) -> Mapping[str, str]:
    """`environ`, completed by the env file that the config names; what is set already wins."""
    section = document.get("prompt_learning")
    name = document.get("env_file_path")
    if name is None and isinstance(section, Mapping):
        name = section.get("env_file_path")
    if not isinstance(name, str):
        return environ
    text = _read_text(path.parent / name, "env_file_path", str(path))
    return {**_parse_env_file(text), **environ}


def _read_text(path: Path, key: str, source: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        problem = ConfigProblem(key, str(path), f"{reason}; give the path of a readable file")
        raise ConfigError(source, (problem,)) from error


def _parse_env_file(text: str) -> dict[str, str]:
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("'\"")
    return values


class Substitution:
    """Fills `${VAR}` into every string of a document; remembers which values are secrets."""

    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ = environ
        self._problems = problems
        self._secrets: set[str] = set()

    def fill(self, value: object, key: str = "") -> object:
        """The value with all variables filled in; a missing one is noted under its key."""
        if isinstance(value, str):
            return _VARIABLE.sub(lambda found: self._value_of(found[1], key), value)
        if isinstance(value, Mapping):
            return {
                name: self.fill(item, f"{key}.{name}" if key else str(name))
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self.fill(item, f"{key}[{index}]") for index, item in enumerate(value)]
        return value

    def hide(self, text: str) -> str:
        """The text without the values of secret variables."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _value_of(self, name: str, key: str) -> str:
        value = self._environ.get(name)
        if value is None:
            self._problems.add(
                key.replace("api_key", "api key"), f"${{{name}}}", f"set the variable {name}"
            )
            return f"${{{name}}}"
        if value and _SECRET_NAME.search(name):
            self._secrets.add(value)
        return value
