"""One coordinator per run: a lock that the kernel frees when its holder dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import RunId
from ray_promptopt.store.run_folder import run_folder


def is_owned(results_folder: Path, run_id: RunId) -> bool:
    """Whether a process runs it now."""
    try:
        with sole_owner(results_folder, run_id):
            return False
    except JournalError:
        return True


@contextmanager
def sole_owner(results_folder: Path, run_id: RunId, *, wait_s: float = 0.0) -> Iterator[None]:
    """Own the run while the block lasts. `wait_s`: how long a killed owner may take to vanish.

    Raises JournalError when another process owns it.
    """
    folder = run_folder(results_folder, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        raise JournalError(
            f"run {run_id} is being run by another command: wait for its end, or stop it with "
            "Ctrl-C there"
        ) from error
    try:
        yield
    finally:
        lock.release()
