"""One option of an algorithm, with and without the key: what is seen of it in the resolved run."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ray_promptopt.config.schema import RunConfig


class Case(NamedTuple):
    """`key = value`, with other keys beside it: what is seen of it, by default and then."""

    key: str
    value: object
    see: Callable[[RunConfig], object]
    before: object
    after: object
    beside: Mapping[str, object] = {}

    def changes(
        self, section: str, *, with_key: bool, base: Mapping[str, object] = {}
    ) -> dict[str, object]:
        """To the plain document of `section`, tables joined by `__`, on top of those of `base`."""
        beside = {f"{section}__{name}": value for name, value in self.beside.items()}
        changes: dict[str, object] = {**base, **beside}
        if not with_key:
            return changes
        path = f"{section}__" + self.key.replace(".", "__")
        parent, _, leaf = path.rpartition("__")
        table = changes.get(parent)
        if isinstance(table, Mapping):
            changes[parent] = {**table, leaf: self.value}
        else:
            changes[path] = self.value
        return changes


def attribute(settings: object, dotted: str) -> object:
    """`lanes.racing` of the settings."""
    for part in dotted.split("."):
        settings = getattr(settings, part)
    return settings
