"""Reads a TOML table by a list of key paths, so that nested keys and flat aliases mean the same.

Every key that no path covers is unknown and reported with its nearest known neighbour.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from pydantic import ValidationError

from ray_promptopt.config.base import Section
from ray_promptopt.core.errors import ConfigProblem

Keys = Mapping[str, tuple[str, ...]]
"""Field name to the dotted paths it may stand under, the canonical one first."""

SectionT = TypeVar("SectionT", bound=Section)

_SECRET_WORDS = ("api_key", "secret", "password")
_SHOWN_CHARACTERS = 80


@dataclass
class Problems:
    """What was found wrong, and what is only worth a warning, while a config is read."""

    found: list[ConfigProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, key: str, value: object, remedy: str) -> None:
        """Note a fault; secrets are not shown."""
        self.found.append(ConfigProblem(key, shown(key, value), remedy))


def shown(key: str, value: object) -> str:
    """A value as it may stand in a message."""
    if any(word in key.lower() for word in _SECRET_WORDS):
        return "***"
    if isinstance(value, Mapping):
        return "{" + ", ".join(str(name) for name in value) + "}"
    text = "missing" if value is None else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


@dataclass
class Gathered:
    """Values by field name, and the path each was written under."""

    prefix: str
    values: dict[str, object] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """The full key path of a field, for messages."""
        return f"{self.prefix}{self.written.get(name, name)}"


def lookup(table: Mapping[str, object], path: str) -> object | None:
    """The value under a dotted path; None when it is not there."""
    value: object = table
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def gather(
    table: Mapping[str, object], keys: Keys, *, prefix: str, problems: Problems, strict: bool
) -> Gathered:
    """Read `table` by `keys`; unknown keys and aliases that disagree become problems."""
    gathered = Gathered(prefix)
    for name, paths in keys.items():
        for path in paths:
            value = lookup(table, path)
            if value is None:
                continue
            if name not in gathered.values:
                gathered.values[name] = value
                gathered.written[name] = path
            elif gathered.values[name] != value:
                problems.add(
                    prefix + path, value, f"differs from {gathered.key(name)}; give one of them"
                )
    known = [path for paths in keys.values() for path in paths]
    for path, value in _unknown(table, known, ""):
        report_unknown(prefix + path, value, known, problems, strict=strict)
    return gathered


def report_unknown(
    key: str, value: object, known: list[str], problems: Problems, *, strict: bool
) -> None:
    """An unknown key: an error with the nearest known one, or a warning when not strict."""
    leaf = key.rsplit(".", 1)[-1]
    leaves = {path.rsplit(".", 1)[-1]: path for path in reversed(known)}
    nearest = get_close_matches(leaf, leaves, n=1, cutoff=0.6)
    hint = f"did you mean {leaves[nearest[0]]}?" if nearest else "remove it"
    if strict:
        problems.add(key, value, f"unknown key; {hint} (strict = false turns this into a warning)")
    else:
        problems.warnings.append(f"{key}: unknown key, ignored; {hint}")


def _unknown(
    table: Mapping[str, object], known: list[str], parent: str
) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        path = f"{parent}{name}"
        if path in known:
            continue
        if isinstance(value, Mapping) and any(key.startswith(f"{path}.") for key in known):
            yield from _unknown(value, known, f"{path}.")
        else:
            yield path, value


def build(model: type[SectionT], gathered: Gathered, problems: Problems) -> SectionT | None:
    """The section; None, with each fault noted under the key as written, when it is not valid."""
    try:
        return model.model_validate(gathered.values)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            first, *rest = fault["loc"] or ("",)
            key = ".".join([gathered.key(str(first)), *(str(part) for part in rest)])
            value = None if fault["type"] == "missing" else fault["input"]
            problems.add(key, value, fault["msg"])
        return None
