"""A Ray head of a test's own, as a user would start it: token authentication, loopback, free ports.

Nothing but its own processes is ended afterwards: `ray stop` would end every Ray of the machine.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.processes import descendants, wait_for

PROJECT = Path(__file__).resolve().parents[2]
SMALL = PROJECT / "tests" / "e2e" / "intents_small.toml"


@dataclass(frozen=True)
class Cluster:
    """Where the head listens, and the environment in which commands reach it.

    Everything of the cluster is below the process `pid`.
    """

    pid: int
    address: str
    dashboard_url: str
    metrics_url: str
    environ: dict[str, str]
    home: Path

    def ray(self, *arguments: str, timeout_s: float = 200.0) -> subprocess.CompletedProcess[str]:
        """One of Ray's own commands (`ray job …`, `serve …`), from the project's root."""
        return subprocess.run(
            arguments,
            cwd=PROJECT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def ray_head(*, tokens: bool = True) -> Iterator[Cluster]:
    """`ray start --head` until the block ends.

    Without `tokens` the head wants none, and commands have one in their home that fits nothing.
    """
    # Ray's sockets live below it, and their paths may not be long.
    folder = Path(tempfile.mkdtemp(prefix="rp-", dir="/tmp"))
    port, dashboard, metrics = free_port(), free_port(), free_port()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "HOME": str(folder),
        # Jobs find `ray-promptopt` on the PATH with which the head was started.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_metrics_report_interval_ms": "500",
        # A busy machine needs more than Ray's 3 seconds to end a job cleanly.
        "RAY_JOB_STOP_WAIT_TIME_S": "60",
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
        "RAY_DASHBOARD_ADDRESS": f"http://127.0.0.1:{dashboard}",
    }
    if tokens:
        environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    else:
        (folder / ".ray").mkdir()
        (folder / ".ray" / "auth_token").write_text(secrets.token_hex(32))
    command = [
        *("ray", "start", "--head", "--block", "--num-cpus=4", "--disable-usage-stats"),
        *("--node-ip-address=127.0.0.1", f"--port={port}", f"--temp-dir={folder}/ray"),
        *("--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
        *(f"--dashboard-agent-listen-port={free_port()}", f"--metrics-export-port={metrics}"),
        *(f"--ray-client-server-port={free_port()}", "--object-store-memory=200000000"),
    ]
    with (folder / "head.log").open("w") as log:
        mode = {} if tokens else {"RAY_AUTH_MODE": "disabled"}
        head = subprocess.Popen(command, cwd=PROJECT, env=environ | mode, stdout=log, stderr=log)
    cluster = Cluster(
        pid=head.pid,
        address=f"127.0.0.1:{port}",
        dashboard_url=f"http://127.0.0.1:{dashboard}",
        metrics_url=f"http://127.0.0.1:{metrics}/metrics",
        environ=environ,
        home=folder,
    )
    try:
        wait_for(lambda: _is_up(cluster), what="the dashboard's answer", timeout_s=90.0)
        wait_for(lambda: node_ids(cluster), what="the head's node")
        yield cluster
    finally:
        _kill_with_all_below(head)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def another_node(cluster: Cluster, address: str) -> Iterator[str]:
    """`ray start` of one more node until the block ends; its id.

    Ray takes nodes with different addresses for different machines.
    """
    command = [
        *("ray", "start", "--block", f"--address={cluster.address}", "--num-cpus=1"),
        *(f"--node-ip-address={address}", f"--dashboard-agent-listen-port={free_port()}"),
        *("--object-store-memory=100000000", "--disable-usage-stats"),
    ]
    before = node_ids(cluster)
    mode = {} if "RAY_AUTH_MODE" in cluster.environ else {"RAY_AUTH_MODE": "disabled"}
    with (cluster.home / f"{address}.log").open("w") as log:
        node = subprocess.Popen(
            command, cwd=PROJECT, env=cluster.environ | mode, stdout=log, stderr=log
        )
    try:
        yield wait_for(lambda: node_ids(cluster) - before, what="another node").pop()
    finally:
        _kill_with_all_below(node)
        wait_for(lambda: node_ids(cluster) == before, what="the end of the node")


def node_ids(cluster: Cluster) -> set[str]:
    """Of the nodes that are alive."""
    return {node["node_id"] for node in listed(cluster, "nodes") if node["state"] == "ALIVE"}


def listed(cluster: Cluster, kind: str) -> list[dict[str, str]]:
    """`actors` or `nodes`, as the dashboard has them."""
    url = f"{cluster.dashboard_url}/api/v0/{kind}?limit=1000&detail=true"
    answer = httpx.get(url, headers=_headers(cluster), timeout=30.0).json()
    found: list[dict[str, str]] = answer["data"]["result"]["result"]
    return found


def _kill_with_all_below(process: "subprocess.Popen[bytes]") -> None:
    for pid in (*descendants(process.pid), process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(timeout=60)


def _headers(cluster: Cluster) -> dict[str, str]:
    token = cluster.environ.get("RAY_AUTH_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _is_up(cluster: Cluster) -> bool:
    url = f"{cluster.dashboard_url}/api/jobs/"
    try:
        return httpx.get(url, headers=_headers(cluster)).status_code == 200
    except httpx.HTTPError:
        return False
