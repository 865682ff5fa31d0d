"""The rows of the reference corpus, as the task app gives them: no rollout is spent."""

from ray_promptopt.config.schema import Splits
from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.taskapp.client import TaskAppClient
from ray_promptopt.taskapp.contract import TaskInfo
from ray_promptopt.taskapp.http import Http
from ray_promptopt.taskapp.rows import row_text, split_of

_TIMEOUT_S = 60.0
_SEEDS_PER_REQUEST = 100
"""So many stand in one URL."""


async def read_reference(
    task_app_url: str,
    api_key: str,
    splits: Splits,
    http: Http | None = None,
) -> tuple[str, ...]:
    """The text of every reference seed's row, each once.

    Raises TaskAppError when the app gives none, or rows that may be of another data split.
    """
    client = TaskAppClient(task_app_url, api_key, timeout_s=_TIMEOUT_S, http=http)
    seeds = splits.reference
    rows: list[TaskInfo] = []
    try:
        for start in range(0, len(seeds), _SEEDS_PER_REQUEST):
            rows += await _rows(client, seeds[start : start + _SEEDS_PER_REQUEST])
    finally:
        await client.aclose()
    if len(rows) != len(seeds):
        raise _unusable(f"gave {len(rows)} rows for {len(seeds)} seeds")
    _refuse_other_splits(rows, splits)
    texts = tuple(dict.fromkeys(text for text in map(row_text, rows) if text))
    if not texts:
        raise _unusable("says nothing of a row in task_metadata")
    return texts


async def _rows(client: TaskAppClient, seeds: tuple[int, ...]) -> list[TaskInfo]:
    found = await client.task_info(seeds)
    return found if isinstance(found, list) else []


def _refuse_other_splits(rows: list[TaskInfo], splits: Splits) -> None:
    """`/task_info` knows no split: where the app does not name the row's, a seed that validation
    or test has too, of a split of its own, may be one of their rows."""
    taken = {*splits.validation, *splits.test}
    doubtful = [
        seed
        for seed, row in zip(splits.reference, rows, strict=True)
        if seed in taken and (splits.train_split is None or split_of(row) != splits.train_split)
    ]
    if doubtful:
        raise _unusable(
            f"does not say that seeds {doubtful[:10]} are of split {splits.train_split}, and "
            "validation or test has seeds of these numbers: choose others, or let the app give "
            "task_metadata.split"
        )


def _unusable(what: str) -> TaskAppError:
    return TaskAppError(
        f"mipro.reference_pool cannot be read: the task app's /task_info?seeds= {what}; "
        "or leave reference_pool out",
        retryable=False,
    )
