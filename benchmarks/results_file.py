"""The results file of a comparison: one run a line, so that a difference can be read."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def versions_of(*packages: str) -> dict[str, str]:
    """Of Python and of the packages that a figure may depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def save(comparison: "DataclassInstance", path: Path) -> None:
    """Write a comparison, which has its runs in the field `runs`."""
    raw: dict[str, Any] = asdict(comparison)
    runs: Sequence[Any] = raw.pop("runs")
    head = json.dumps(raw, indent=1)[:-2]
    lines = ",\n".join(f"  {json.dumps(run)}" for run in runs)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{head},\n "runs": [\n{lines}\n ]\n}}\n', encoding="utf-8")
