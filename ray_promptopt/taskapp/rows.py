"""A row of a task app's data as text, for whoever writes prompts."""

import json
from typing import Any

from ray_promptopt.taskapp.contract import TaskInfo

_BOOKKEEPING = frozenset({"seed", "index", "split", "pool"})


def row_text(info: TaskInfo) -> str:
    """What `task_metadata` says of the row: its one field alone, several by name; else empty."""
    fields = {
        name: text
        for name, value in info.task_metadata.items()
        if name not in _BOOKKEEPING and (text := _as_text(value))
    }
    if len(fields) == 1:
        return next(iter(fields.values()))
    return "\n".join(f"{name}: {text}" for name, text in fields.items())


def split_of(info: TaskInfo) -> str | None:
    """The data split that the app says the row is of; None when it says nothing."""
    for holder in (info.task_metadata, info.dataset):
        if isinstance(holder.get("split"), str):
            return str(holder["split"])
    return None


def _as_text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
