"""Rows of a CSV file with a text and a label column."""

import csv
from collections.abc import Iterable

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.tasks.classifier import Row


def read_rows(lines: Iterable[str], *, label_column: str, where: str) -> list[Row]:
    """Raises TaskAppError when a column is missing."""
    reader = csv.DictReader(lines)
    missing = {"text", label_column} - set(reader.fieldnames or ())
    if missing:
        raise TaskAppError(f"{where} lacks the column(s) {sorted(missing)}", retryable=False)
    return [Row(row["text"], row[label_column]) for row in reader]
