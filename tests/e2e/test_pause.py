import subprocess
from pathlib import Path

import pytest

from ray_promptopt.store.events import (
    Event,
    RolloutFinished,
    RunContinued,
    RunInterrupted,
    RunPaused,
)
from ray_promptopt.store.run_view import RunStatus
from tests.e2e.processes import finish, run_command, start_command, wait_while_running
from tests.e2e.small_run import Journal, write_config

pytestmark = pytest.mark.ray

MAX_CONCURRENT = 4


def test_run_when_paused_continued_and_stopped_from_outside_then_obeys_and_is_resumable(
    tmp_path: Path,
) -> None:
    config = write_config(tmp_path, latency_s=0.1)
    journal = Journal(tmp_path / "runs")

    def order(name: str) -> None:
        ordered = run_command(name, "latest", cwd=tmp_path)
        assert ordered.returncode == 0, ordered.stderr

    def pause_by_file(process: "subprocess.Popen[str]", after: int) -> None:
        wait_while_running(process, lambda: journal.num_rollouts() >= after, timeout_s=180.0)
        (tmp_path / "runs" / journal.run_id / "PAUSE").touch()
        wait_while_running(process, lambda: journal.view().status is RunStatus.PAUSED)

    run = start_command("run", str(config), "--address", "local", cwd=tmp_path)
    pause_by_file(run, after=5)
    order("pause")
    order("continue")
    wait_while_running(run, lambda: RunContinued("`ray-promptopt continue`") in journal.events())
    pause_by_file(run, after=journal.num_rollouts() + 5)
    order("stop")
    stopped = finish(run)
    assert stopped.returncode == 130, stopped.stderr
    assert "paused · rollouts" in stopped.stdout
    assert "ray-promptopt resume" in stopped.stdout
    assert journal.events()[-1] == RunInterrupted("stopped by `ray-promptopt stop`")
    refused = run_command("pause", "latest", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is not being run now" in refused.stderr

    ended = run_command("resume", "latest", "--address", "local", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert RunPaused("the file PAUSE") in journal.events()
    assert max(sent_out_in_pauses(journal.events())) <= MAX_CONCURRENT
    journal.assert_counted_once_and_in_order()


def sent_out_in_pauses(events: list[Event]) -> list[int]:
    """Rollouts that came home in each pause: those that were in flight when it began."""
    counts: list[int] = []
    is_paused = False
    for event in events:
        match event:
            case RunPaused():
                is_paused = True
                counts.append(0)
            case RunContinued() | RunInterrupted():
                is_paused = False
            case RolloutFinished() if is_paused:
                counts[-1] += 1
    return counts
