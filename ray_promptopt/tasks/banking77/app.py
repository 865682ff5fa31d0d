"""The `banking77` task app. The data is not part of the package: a folder, or the hub's copy.

`BANKING77_DIR` names a folder with `train.csv` and `test.csv` (columns text, category).
"""

import os
from pathlib import Path

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.taskapp import TaskAppConfig
from ray_promptopt.tasks.classifier import ClassifierTask, Row, classifier_config
from ray_promptopt.tasks.csv_rows import read_rows

FOLDER_NAME = "BANKING77_DIR"
INSTRUCTION = (
    "You are an expert banking assistant that classifies customer queries into banking intents. "
    "Given a customer message, respond with exactly one of the available intents."
)
_SPLITS = ("train", "test")


def load_splits() -> dict[str, list[Row]]:
    """From the folder, else through the `datasets` library. Raises TaskAppError without either."""
    folder = os.environ.get(FOLDER_NAME)
    if folder:
        return {split: _from_file(Path(folder) / f"{split}.csv") for split in _SPLITS}
    return _from_hub()


def build_task() -> ClassifierTask:
    """The task itself, for whoever needs no HTTP."""
    splits = load_splits()
    return ClassifierTask(
        app_id="banking77",
        name="Banking77",
        description="Classify customer queries of a bank into 77 intents.",
        instruction=INSTRUCTION,
        tool_name="banking77_classify",
        splits=splits,
        default_split="train",
        labels=sorted({row.label for row in splits["train"]}),
    )


def build_config() -> TaskAppConfig:
    """See `registry`."""
    return classifier_config(build_task())


def _from_file(path: Path) -> list[Row]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TaskAppError(
            f"{FOLDER_NAME} = {path.parent}: {path.name} cannot be read ({error.strerror}); name "
            "a folder with train.csv and test.csv",
            retryable=False,
        ) from error
    return read_rows(text.splitlines(keepends=True), label_column="category", where=str(path))


def _from_hub() -> dict[str, list[Row]]:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise TaskAppError(
            f"Banking77's data is not here: set {FOLDER_NAME} to a folder with train.csv and "
            "test.csv, or install the extra `ray-promptopt[datasets]` to fetch it",
            retryable=False,
        ) from error
    loaded = load_dataset("banking77")
    names = loaded["train"].features["label"].names
    return {
        split: [Row(row["text"], names[row["label"]]) for row in loaded[split]] for split in _SPLITS
    }
