"""What runs on which node.

The store is a file, and the gateway, shipped task apps and embedded models listen on loopback: what
needs one of them runs on its machine. Only what needs none of them is spread over the cluster.
"""

import ipaddress
import socket
from typing import Literal
from urllib.parse import urlsplit

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ray_promptopt.core.errors import ClusterError

_HEAD = "node:__internal_head__"
ON_HEAD = {_HEAD: 0.001}
"""The resources that an actor asks for to run on the head; Ray Serve's controller does the same."""

_NUM_UNDEMANDING = 2
_CPUS_PER_WORKER = 0.03
"""What 32 rollouts in flight of 3 s each take, at 3 ms each. 64 workers fit on two cores."""

Strategy = Literal["SPREAD"] | NodeAffinitySchedulingStrategy


def here() -> NodeAffinitySchedulingStrategy:
    """On this process's node and nowhere else."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def alive_nodes() -> list[dict[str, object]]:
    """As `ray.nodes` describes them."""
    nodes: list[dict[str, object]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in nodes if node["Alive"]]


def workers_strategy(task_app_url: str) -> Strategy:
    """Where rollout workers run: everywhere, but beside a task app that is on loopback."""
    nodes = alive_nodes()
    simulated = len(nodes) > 1 and {node["NodeManagerAddress"] for node in nodes} == {_address()}
    return "SPREAD" if simulated or not on_loopback(task_app_url) else here()


def worker_cpus(number: int, strategy: Strategy) -> float:
    """CPUs that a worker asks for. What does not fit makes an autoscaler add nodes, and waits.

    The first workers ask for none, so that a run begins on a cluster that is full. Where no other
    node will do, asking would bring none.
    """
    return _CPUS_PER_WORKER if strategy == "SPREAD" and number >= _NUM_UNDEMANDING else 0.0


def on_loopback(url: str) -> bool:
    """Whether only this machine reaches it."""
    host = urlsplit(url).hostname or ""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address).is_loopback for address in found)


def require_reachable(gateway_url: str, *, embedded: bool) -> None:
    """Raises ClusterError when this machine is not the head's, and needs what listens there."""
    head = next(node["NodeManagerAddress"] for node in alive_nodes() if _is_head(node))
    if head == _address() or not (embedded or on_loopback(gateway_url)):
        return
    what = "the embedded models listen" if embedded else "the gateway listens"
    raise ClusterError(
        f"{what} on loopback of the cluster's head {head}, and this command runs on {_address()}: "
        "run it on the head, or submit it with `ray job submit`"
        + ("" if embedded else ", or name an address of the gateway in gateway.public_url")
    )


def _is_head(node: dict[str, object]) -> bool:
    resources = node["Resources"]
    return isinstance(resources, dict) and _HEAD in resources


def _address() -> object:
    own = ray.get_runtime_context().get_node_id()
    return next(node["NodeManagerAddress"] for node in alive_nodes() if node["NodeID"] == own)
