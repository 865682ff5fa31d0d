"""Reads a TOML table by a list of key paths, so that nested keys and flat aliases mean the same.

Every key that no path covers is unknown and reported with its nearest known neighbour.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from ray_promptopt.core.errors import ConfigProblem

Keys = Mapping[str, tuple[str, ...]]
"""Field name to the dotted paths it may stand under, the canonical one first."""


_SECRET_WORDS = ("api_key", "secret", "password")
_SHOWN_CHARACTERS = 80


@dataclass
class Problems:
    """What was found wrong, and what is only worth a warning, while a config is read.

    Unknown keys are faults when `strict`, else warnings.
    """

    strict: bool = True
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
    """Values by field name, the path each was written under, and the paths they belong under."""

    prefix: str
    values: dict[str, object] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    canonical: dict[str, str] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """The full key path of a field, for messages."""
        path = self.written.get(name) or self.canonical.get(name, name)
        return f"{self.prefix}{path}"


def merge(*sources: Gathered, problems: Problems | None) -> Gathered:
    """One reading of several; the first source counts, a later one that differs is a problem.

    Without `problems` the later ones are mere fallbacks.
    """
    merged = Gathered("")
    for source in sources:
        for name, value in source.values.items():
            if name not in merged.values:
                merged.values[name] = value
                merged.written[name] = source.key(name)
            elif problems is not None and merged.values[name] != value:
                problems.add(
                    source.key(name), value, f"differs from {merged.key(name)}; give one of them"
                )
    return merged


def lookup(table: Mapping[str, object], path: str) -> object | None:
    """The value under a dotted path; None when it is not there."""
    value: object = table
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def gather(table: Mapping[str, object], keys: Keys, *, prefix: str, problems: Problems) -> Gathered:
    """Read `table` by `keys`; aliases that are both given and disagree become problems."""
    gathered = Gathered(prefix, canonical={name: paths[0] for name, paths in keys.items()})
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
    return gathered


def refuse_unknown(
    table: Mapping[str, object], known: Iterable[str], *, prefix: str, problems: Problems
) -> None:
    """Note every key that no known path covers."""
    paths = list(known)
    for path, value in _unknown(table, paths, ""):
        note_unknown(prefix + path, value, paths, problems)


def paths_of(*groups: Keys) -> list[str]:
    """All paths of several key lists."""
    return [path for keys in groups for paths in keys.values() for path in paths]


def note_unknown(key: str, value: object, known: list[str], problems: Problems) -> None:
    leaf = key.rsplit(".", 1)[-1]
    leaves = {path.rsplit(".", 1)[-1]: path for path in reversed(known)}
    nearest = get_close_matches(leaf, leaves, n=1, cutoff=0.6)
    hint = f"did you mean {leaves[nearest[0]]}?" if nearest else "remove it"
    if problems.strict:
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
