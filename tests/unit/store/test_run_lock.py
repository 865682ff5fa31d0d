import subprocess
import sys
from pathlib import Path

import pytest

from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import RunId
from ray_promptopt.store.run_lock import sole_owner

RUN = RunId("pl_1")
_OWNER = f"""
import sys
from pathlib import Path
from ray_promptopt.store.run_lock import sole_owner
with sole_owner(Path(sys.argv[1]), {RUN!r}):
    print("owned", flush=True)
    sys.stdin.read()
"""


def owner(results: Path) -> "subprocess.Popen[str]":
    """Another process that owns the run until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(results)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "owned\n"
    return process


def test_run_when_another_process_owns_it_then_is_refused_until_that_one_is_killed(
    tmp_path: Path,
) -> None:
    other = owner(tmp_path)
    with pytest.raises(JournalError, match="run pl_1 is being run by another command"):  # noqa: SIM117
        with sole_owner(tmp_path, RUN):
            raise AssertionError("two owners")
    with sole_owner(tmp_path, RunId("pl_2")):
        pass
    other.kill()
    other.communicate()
    with sole_owner(tmp_path, RUN, wait_s=10.0):
        pass
    with sole_owner(tmp_path, RUN):
        pass
