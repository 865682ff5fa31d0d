"""Data sets of a task app: described once, loaded when first needed."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel


class TaskDatasetSpec(BaseModel):
    """What a data set is called and how it is split."""

    id: str
    name: str
    version: str | None = None
    splits: list[str]
    default_split: str | None = None
    cardinality: int | None = None
    description: str | None = None


class TaskDatasetRegistry:
    """Data sets by id. A loader is called at most once when `cache` is set."""

    def __init__(self) -> None:
        self._entries: dict[
            str, tuple[TaskDatasetSpec, Callable[[TaskDatasetSpec], Any], bool]
        ] = {}
        self._loaded: dict[str, Any] = {}

    def register(
        self,
        spec: TaskDatasetSpec,
        loader: Callable[[TaskDatasetSpec], Any],
        *,
        cache: bool = True,
    ) -> None:
        """Add a data set, or replace the one of this id."""
        self._entries[spec.id] = (spec, loader, cache)
        self._loaded.pop(spec.id, None)

    def describe(self, dataset_id: str) -> TaskDatasetSpec:
        """Raises KeyError when the id is not known."""
        return self._entries[dataset_id][0]

    def list(self) -> "list[TaskDatasetSpec]":
        """All data sets, in the order of their registration."""
        return [entry[0] for entry in self._entries.values()]

    def get(self, dataset_id: str) -> Any:
        """The loaded data. Raises KeyError when the id is not known."""
        spec, loader, cache = self._entries[dataset_id]
        if dataset_id in self._loaded:
            return self._loaded[dataset_id]
        data = loader(spec)
        if cache:
            self._loaded[dataset_id] = data
        return data

    def ensure_split(self, dataset_id: str, split: str | None) -> str:
        """The split, or the default one. Raises ValueError on a split that does not exist."""
        spec = self.describe(dataset_id)
        chosen = split or spec.default_split or spec.splits[0]
        if chosen not in spec.splits:
            raise ValueError(f"split {chosen!r} of {dataset_id!r}: choose one of {spec.splits}")
        return chosen
