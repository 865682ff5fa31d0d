"""What a rollout costs, how busy a cluster is kept, how it scales: `python -m benchmarks.rollouts`.

The real system: coordinator, population, workers and gateway on Ray, a task app over HTTP.
"""

import json
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import click
from ray.cluster_utils import Cluster

from benchmarks.load.measure import Load, Measured, measure
from benchmarks.load.task_app import task_app

RESULTS = Path(__file__).parent / "results" / "rollouts.json"


def _steady(in_flight: int, *, num_nodes: int = 1) -> Load:
    """One large evaluation: about 12 answers of 2 s in each slot."""
    rows = in_flight * 12
    name = f"steady, {in_flight} in flight"
    if num_nodes > 1:
        name += f", {num_nodes} nodes"
    return Load(name, "reference", in_flight, 2.0, 14.0, rows, rows + 12, num_nodes)


LOADS = {
    load.name: load
    for load in (
        Load("search", "async", 64, 0.4, 2.8, 96, 3000),
        *(_steady(in_flight) for in_flight in (16, 64, 128, 256)),
        *(_steady(32 * nodes, num_nodes=nodes) for nodes in (2, 3, 4)),
    )
}


@click.command()
@click.option("--load", "names", multiple=True, type=click.Choice(list(LOADS)))
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS)
def main(names: tuple[str, ...], out: Path) -> None:
    """Run the loads one after the other; loads that are not run keep their results."""
    measured = _kept(out)
    for name in names or LOADS:
        result = run(LOADS[name])
        measured[name] = asdict(result) | {"versions": _versions()}
        ordered = [measured[each] for each in LOADS if each in measured]
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
        _say(result)


def run(load: Load) -> Measured:
    """One load on a fresh Ray."""
    with tempfile.TemporaryDirectory() as folder, task_app() as app, _nodes(load) as address:
        return measure(load, app, Path(folder), address)


@contextmanager
def _nodes(load: Load) -> Iterator[str | None]:
    """The address of a cluster of simulated nodes; None for one node, which the run starts."""
    if load.num_nodes == 1:
        yield None
        return
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
