"""What a rollout costs, how busy a cluster is kept, how it scales: `python -m benchmarks.rollouts`.

The real system: coordinator, population, workers and gateway on Ray, a task app over HTTP.
"""

import json
import multiprocessing
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import click

from benchmarks.load.load import Load, Measured
from benchmarks.load.task_app import task_app

RESULTS = Path(__file__).parent / "results" / "rollouts.json"


LATENCY_S = 8.0
ANSWERS_PER_SLOT = 5
SERVES_PROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "0"}
"""Ray Serve's own way in, as it is where HAProxy is not there."""


def _steady(in_flight: int, *, num_nodes: int = 1) -> Load:
    """One large evaluation of slow rollouts: the latency is the bound, not the CPU."""
    rows = in_flight * ANSWERS_PER_SLOT
    nodes = f", {num_nodes} nodes" if num_nodes > 1 else ""
    name = f"steady, {in_flight} in flight{nodes}"
    return Load(name, "reference", in_flight, LATENCY_S, 0.0, rows, rows + 12, num_nodes)


def _capacity(name: str, environ: Mapping[str, str]) -> Load:
    """Fast rollouts: the CPU is the bound."""
    return Load(name, "reference", 64, 0.1, 0.0, 1500, 1512, environ=environ)


LOADS = {
    load.name: load
    for load in (
        Load("search", "async", 64, 2.0, 14.0, 96, 2000),
        _capacity("capacity", {}),
        _capacity("capacity, Serve's own proxy", SERVES_PROXY),
        *(_steady(in_flight) for in_flight in (16, 48, 64, 128, 256)),
        *(_steady(48 * nodes, num_nodes=nodes) for nodes in (2, 3, 4)),
    )
}


@click.command()
@click.option("--load", "names", multiple=True, type=click.Choice(list(LOADS)))
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS)
def main(names: tuple[str, ...], out: Path) -> None:
    """Run the loads one after the other; loads that are not run keep their results."""
    measured = _kept(out)
    for name in names or LOADS:
        result = _in_a_process(LOADS[name])
        measured[name] = asdict(result) | {"versions": _versions()}
        ordered = [measured[each] for each in LOADS if each in measured]
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        _say(result)


def _in_a_process(load: Load) -> Measured:
    """Each load in a process of its own: Serve reads its environment when it is imported."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(run, load).result()


def run(load: Load) -> Measured:
    """One load on a fresh Ray."""
    os.environ.update(load.environ)
    from benchmarks.load.measure import measure

    with tempfile.TemporaryDirectory() as folder, task_app() as app, _nodes(load) as address:
        return measure(load, app, Path(folder), address)


@contextmanager
def _nodes(load: Load) -> Iterator[str | None]:
    """The address of a cluster of simulated nodes; None for one node, which the run starts."""
    if load.num_nodes == 1:
        yield None
        return
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for _ in range(load.num_nodes - 1):
            cluster.add_node(num_cpus=1)
        yield cluster.address
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def _kept(out: Path) -> dict[str, object]:
    if not out.exists():
        return {}
    return {entry["load"]["name"]: entry for entry in json.loads(out.read_text(encoding="utf-8"))}


def _versions() -> dict[str, str]:
    names = ("ray-promptopt", "ray", "aiohttp", "uvicorn")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _say(result: Measured) -> None:
    click.echo(
        f"{result.load.name:30} {result.rollouts:5} rollouts {result.wall_s:6.1f} s "
        f"{result.rollouts_per_s:6.1f}/s  utilisation {result.utilisation:.0%}  "
        f"{result.cpu_ms_per_rollout:.2f} ms CPU per rollout {result.cpu_ms}  "
        f"load average {result.load_average}"
    )


if __name__ == "__main__":
    main()
