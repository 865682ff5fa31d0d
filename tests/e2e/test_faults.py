import os
import random
import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest

from ray_promptopt.core.work import Purpose
from ray_promptopt.store.events import AttemptFailed, RunFailed, RunInterrupted
from ray_promptopt.store.run_view import RunStatus
from tests.e2e.clusters import Cluster, ray_head
from tests.e2e.processes import (
    actor_pids,
    descendants,
    finish,
    start_command,
    still_alive,
    wait_for,
    wait_while_running,
)
from tests.e2e.small_run import Journal, write_config

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ray_head() as started:
        yield started


def a_moment(name: str) -> int:
    """After how many counted rollouts to kill; drawn anew each time, printed to be repeatable."""
    seed = int(os.environ.get("FAULT_SEED", random.SystemRandom().randrange(10_000)))
    moment = random.Random(f"{name}{seed}").randrange(5, 60)
    print(f"FAULT_SEED={seed}: {name} after {moment} rollouts")
    return moment


@pytest.mark.parametrize(
    "victim", ["RolloutWorker", "GepaPopulation", "GatewayStateHost", "ServeReplica"]
)
def test_run_when_an_actor_is_killed_then_ends_with_every_rollout_counted_once(
    victim: str, cluster: Cluster, tmp_path: Path
) -> None:
    config = write_config(tmp_path)
    journal = Journal(tmp_path / "runs")
    moment = a_moment(victim)
    run = start_on(cluster, "run", str(config), folder=tmp_path)
    wait_while_running(run, lambda: journal.num_rollouts() >= moment)
    killed = actor_pids(cluster.pid, victim)
    assert killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    ended = finish(run)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    journal.assert_counted_once_and_in_order()
    if victim == "RolloutWorker":
        lost = [event for event in journal.events() if isinstance(event, AttemptFailed)]
        assert all("was lost" in event.message for event in lost)


def test_run_when_the_coordinator_is_killed_then_says_how_to_resume_and_resume_ends_it(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = write_config(tmp_path)
    journal = Journal(tmp_path / "runs")
    moment = a_moment("RunHost")
    run = start_on(cluster, "run", str(config), folder=tmp_path)
    wait_while_running(run, lambda: journal.num_rollouts() >= moment)
    (coordinator,) = actor_pids(cluster.pid, "RunHost")
    os.kill(coordinator, signal.SIGKILL)
    ended = finish(run)
    assert ended.returncode == 1
    assert f"ray-promptopt resume {journal.run_id}" in ended.stderr
    resume(cluster, journal)
    journal.assert_counted_once_and_in_order()


def test_driver_when_killed_in_every_phase_then_resume_goes_on_where_it_was(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = write_config(tmp_path)
    journal = Journal(tmp_path / "runs")
    moments = (
        ("run", str(config), lambda: journal.num_rollouts(Purpose.BASELINE) >= 1),
        ("resume", "latest", lambda: journal.num_rollouts(Purpose.VALIDATION) >= 1),
        ("resume", "latest", lambda: journal.num_rollouts(Purpose.HELD_OUT) >= 3),
    )
    for command, what, reached in moments:
        driver = start_on(cluster, command, what, folder=tmp_path)
        wait_while_running(driver, reached)
        driver.kill()
        finish(driver)
        wait_for(lambda: not actor_pids(cluster.pid, "RunHost"), what="the end of its coordinator")
    assert journal.view().status is RunStatus.RUNNING
    resume(cluster, journal)
    journal.assert_counted_once_and_in_order()


def test_local_run_when_ctrl_c_is_pressed_then_stops_cleanly_and_says_how_to_resume(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = write_config(tmp_path)
    journal = Journal(tmp_path / "runs")
    moment = a_moment("Ctrl-C")
    run = start_command("run", str(config), "--address", "local", "--results", "runs", cwd=tmp_path)
    wait_while_running(run, lambda: journal.num_rollouts() >= moment)
    everything = descendants(run.pid)
    assert listening_at(pid for pid, title in everything.items() if "haproxy -db" in title) == {
        "127.0.0.1"
    }
    os.killpg(run.pid, signal.SIGINT)  # a terminal sends it to the whole group
    ended = finish(run)
    assert ended.returncode == 130, ended.stderr + ended.stdout
    assert f"ray-promptopt resume {journal.run_id}" in ended.stdout
    assert "Traceback" not in ended.stderr
    wait_for(lambda: not still_alive([*everything]), what="the end of all its processes")
    assert isinstance(journal.events()[-1], RunInterrupted)
    assert journal.view().reason == "stopped by Ctrl-C"
    resume(cluster, journal)
    journal.assert_counted_once_and_in_order()


def listening_at(processes: Iterable[int]) -> set[str]:
    """The addresses that these processes listen at; empty when there is no such process."""
    connections = (each for pid in processes for each in psutil.Process(pid).net_connections())
    return {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}


def start_on(cluster: Cluster, command: str, what: str, *, folder: Path) -> "subprocess.Popen[str]":
    return start_command(
        command, what, "--address", cluster.address, "--results", "runs",
        cwd=folder, environ=cluster.environ,
    )  # fmt: skip


def resume(cluster: Cluster, journal: Journal) -> None:
    folder = journal.results.parent
    resumed = finish(start_on(cluster, "resume", journal.run_id, folder=folder))
    assert resumed.returncode == 0, resumed.stderr + resumed.stdout
    assert not any(isinstance(event, RunFailed) for event in journal.events())
