"""The `intents` task app: 24 confusable support intents of an online shop."""

from importlib.resources import files

from ray_promptopt.taskapp import TaskAppConfig
from ray_promptopt.tasks.classifier import ClassifierTask, Row, classifier_config
from ray_promptopt.tasks.csv_rows import read_rows

INSTRUCTION = (
    "You are a customer support assistant of an online shop. Read the customer's query and "
    "classify it into one of the available intents."
)


def load_splits() -> dict[str, list[Row]]:
    """Train, validation and test rows, from the package itself."""
    folder = files("ray_promptopt.tasks.intents") / "data"
    return {
        split: read_rows(
            (folder / f"{split}.csv").read_text(encoding="utf-8").splitlines(),
            label_column="intent",
            where=f"{split}.csv",
        )
        for split in ("train", "validation", "test")
    }


def build_task() -> ClassifierTask:
    """The task itself, for whoever needs no HTTP."""
    splits = load_splits()
    return ClassifierTask(
        app_id="intents",
        name="Support intents",
        description="Classify customer queries of an online shop into support intents.",
        instruction=INSTRUCTION,
        tool_name="intents_classify",
        splits=splits,
        default_split="train",
        labels=sorted({row.label for row in splits["train"]}),
    )


def build_config() -> TaskAppConfig:
    """See `registry`."""
    return classifier_config(build_task())
