"""A faulty model server behind a gateway whose processes are killed: the journal has what the
server has counted, and no rollout is scored from a call that failed."""

import os
import signal
from pathlib import Path

import pytest

from ray_promptopt.core.usage import Spend
from ray_promptopt.store.events import AttemptFailed, RolloutFinished
from tests.e2e.clusters import ray_head
from tests.e2e.processes import actor_pids, finish, start_command, wait_while_running
from tests.e2e.small_run import Journal, write_config
from tests.fakes.faulty_server import FaultyServer, in_thread

pytestmark = pytest.mark.ray

_VICTIMS = (("ServeReplica", 10), ("ServeController", 25), ("ProxyActor", 40))
_IN_FLIGHT = 4


def test_run_when_the_gateways_processes_die_then_every_score_has_its_call_and_every_call_its_bill(
    tmp_path: Path,
) -> None:
    server = FaultyServer()
    journal = Journal(tmp_path / "runs")
    with ray_head() as cluster, in_thread(server) as url:
        config = write_config(tmp_path)
        embedded = 'provider = "embedded"\nmodel = "embedded/reader-nano"'
        other = f'provider = "openai_compatible"\nmodel = "m"\nbase_url = "{url}/v1"'
        text = config.read_text()
        assert embedded in text
        config.write_text(text.replace(embedded, other))
        run = start_command(
            *("run", str(config), "--address", cluster.address, "--results", "runs"),
            cwd=tmp_path,
            environ=cluster.environ,
        )
        for victim, moment in _VICTIMS:
            wait_while_running(run, lambda at=moment: journal.num_rollouts() >= at)  # type: ignore[misc]
            for pid in actor_pids(cluster.pid, victim):
                os.kill(pid, signal.SIGKILL)
        ended = finish(run)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    journal.assert_counted_once_and_in_order()
    events = journal.events()
    scored = [event.outcome.spend for event in events if isinstance(event, RolloutFinished)]
    failed = [event.spend for event in events if isinstance(event, AttemptFailed)]
    assert {(spend.calls, spend.usage.total_tokens) for spend in scored} == {(1, 110)}
    recorded = sum([*scored, *failed], Spend()).calls
    # What the dead processes held in hand may be answered without anybody to tell of it.
    assert server.answered - len(_VICTIMS) * _IN_FLIGHT <= recorded <= server.answered
