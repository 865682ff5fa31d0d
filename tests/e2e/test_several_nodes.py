"""Clusters of two nodes. Nodes of one address are one machine to us, as they are to the network."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.clusters import Cluster, another_node, listed, node_ids, ray_head
from tests.e2e.processes import finish, start_command, wait_while_running
from tests.e2e.small_run import Journal, write_config

pytestmark = pytest.mark.ray

HEAD = "127.0.0.1"
ANOTHER_MACHINE = "127.0.0.2"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ray_head(tokens=False) as head:
        yield head


def nodes_of_a_run(cluster: Cluster, folder: Path, num_workers: int) -> dict[str, set[str]]:
    """Role → nodes of its actors, of a run that then goes to its end and counts once."""
    config = write_config(folder, execution=f"num_workers = {num_workers}", latency_s=0.1)
    run = start_command(
        *("run", str(config), "--address", cluster.address, "--results", "runs"),
        cwd=folder,
        environ=cluster.environ,
    )
    journal = Journal(folder / "runs")
    wait_while_running(run, lambda: journal.num_rollouts() >= 6)
    where: dict[str, set[str]] = {}

    def all_are_placed() -> bool:
        where.clear()
        alive = [actor for actor in listed(cluster, "actors") if actor["state"] == "ALIVE"]
        for actor in alive:
            where.setdefault(actor["name"].split(":")[0], set()).add(actor["node_id"])
        return sum(actor["name"].startswith("rollout-worker") for actor in alive) == num_workers

    wait_while_running(run, all_are_placed)
    ended = finish(run)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    journal.assert_counted_once_and_in_order()
    return where


def test_workers_are_spread_over_the_nodes_that_reach_the_task_app_and_all_else_stays_together(
    cluster: Cluster, tmp_path: Path
) -> None:
    (head,) = node_ids(cluster)
    with another_node(cluster, HEAD) as other:
        where = nodes_of_a_run(cluster, tmp_path, num_workers=4)
    assert where.pop("rollout-worker") == {head, other}
    ours = ("run", "gepa-population", "task-app", "gateway-state", "embedded-models")
    assert [where[role] for role in ours] == [{head}] * len(ours)


_REQUIRE_REACHABLE = """
import sys
import ray
from ray_promptopt.cluster.placement import require_reachable

ray.init(sys.argv[1], log_to_driver=False)
there = ray.remote(num_cpus=0, resources={f"node:{sys.argv[2]}": 0.001})(require_reachable)
for gateway_url, embedded in (("http://127.0.0.1:80", False), ("http://192.0.2.1:80", True)):
    try:
        ray.get(there.remote(gateway_url, embedded=embedded))
    except ray.exceptions.RayTaskError as error:
        print(error.cause)
ray.get(there.remote("http://192.0.2.1:80", embedded=False))
"""


def test_what_needs_the_loopback_of_one_machine_stays_there_and_a_command_elsewhere_is_told_so(
    cluster: Cluster, tmp_path: Path
) -> None:
    (head,) = node_ids(cluster)
    with another_node(cluster, ANOTHER_MACHINE):
        where = nodes_of_a_run(cluster, tmp_path, num_workers=4)
        told = cluster.ray(
            *(sys.executable, "-c", _REQUIRE_REACHABLE, cluster.address, ANOTHER_MACHINE)
        )
    assert where["rollout-worker"] == {head}
    assert told.returncode == 0, told.stderr
    gateway, embedded = told.stdout.splitlines()
    for line in (gateway, embedded):
        assert "on loopback of the cluster's head" in line
        assert f"this command runs on {ANOTHER_MACHINE}" in line
    assert "gateway.public_url" in gateway
    assert "gateway.public_url" not in embedded
