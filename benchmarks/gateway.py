"""What the gateway adds to a model call, and what others do: `python -m benchmarks.gateway`.

The same model server is asked directly, through a bare passthrough, through LiteLLM's proxy and
through the gateway (under uvicorn alone, on Ray Serve, and there with HAProxy), with traces
recorded; whole and streamed, answering at once and after 20 ms. Load, servers and proxies share
the machine. Besides the clock, the CPU time of the way per call is counted.
"""

import asyncio
import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import click

from benchmarks.serving.connection import Answered, Connection, request
from benchmarks.serving.litellm_proxy import VERSION as LITELLM
from benchmarks.serving.plain import MESSAGES
from benchmarks.serving.processes import app_process, cpu_s
from benchmarks.serving.upstream import BenchUpstream
from benchmarks.serving.ways import LATENCIES_MS, WAYS, Target
from ray_promptopt.core.ids import new_correlation_id

RESULTS = Path(__file__).parent / "results" / "gateway.json"
CONNECTIONS = (1, 16, 32, 64)
_WARM_UP_S = 0.5


@dataclass(frozen=True)
class Cell:
    """One way under one load. `cpu_ms` is the way's own per call, None where nothing is between;
    `pieces` are the chunks in which a stream of 23 frames came."""

    way: str
    mode: str
    latency_ms: int
    connections: int
    calls: int
    calls_per_s: float
    median_ms: float
    p99_ms: float
    first_byte_ms: float
    cpu_ms: float | None
    pieces: float


async def measure(
    target: Target, way: str, latency_ms: int, *, stream: bool, connections: int, seconds: float
) -> Cell:
    """Keep so many connections busy for a while."""
    url = target.urls[latency_ms]
    body = {"model": target.models[latency_ms], "messages": MESSAGES, "stream": stream}
    answers: list[Answered] = []
    opened = [await Connection.to(url) for _ in range(connections)]

    async def caller(connection: Connection, until_s: float) -> None:
        while True:
            sent = request(f"{url}?cid={new_correlation_id()}", body)
            answer = await connection.ask(sent)
            if answer.status != 200:
                raise RuntimeError(f"{way} answered {answer.status}")
            answers.append(answer)
            if time.perf_counter() >= until_s:
                return

    await asyncio.gather(*(caller(one, time.perf_counter() + _WARM_UP_S) for one in opened))
    answers.clear()
    used_s, began_s = _cpu_s(target), time.perf_counter()
    await asyncio.gather(*(caller(one, began_s + seconds) for one in opened))
    took_s, used_s = time.perf_counter() - began_s, _cpu_s(target) - used_s
    for connection in opened:
        connection.close()
    whole = sorted(answer.took_s for answer in answers)
    return Cell(
        way=way,
        mode="stream" if stream else "whole",
        latency_ms=latency_ms,
        connections=connections,
        calls=len(answers),
        calls_per_s=round(len(answers) / took_s, 1),
        median_ms=round(statistics.median(whole) * 1000, 3),
        p99_ms=round(whole[int(len(whole) * 0.99)] * 1000, 3),
        first_byte_ms=round(statistics.median(one.first_byte_s for one in answers) * 1000, 3),
        cpu_ms=None if target.pid is None else round(used_s / len(answers) * 1000, 3),
        pieces=statistics.mean(answer.num_pieces for answer in answers),
    )


def _cpu_s(target: Target) -> float:
    return 0.0 if target.pid is None else cpu_s(target.pid)


def measure_way(name: str, upstream: str, seconds: float) -> list[Cell]:
    """All loads of one way, which stands alone meanwhile."""
    with WAYS[name](upstream) as target:
        cells = []
        for latency_ms in LATENCIES_MS:
            for stream in (False, True):
                for connections in CONNECTIONS:
                    cell = asyncio.run(
                        measure(
                            target, name, latency_ms,
                            stream=stream, connections=connections, seconds=seconds,
                        )
                    )  # fmt: skip
                    cells.append(cell)
                    _say(cell)
        return cells


def _say(cell: Cell) -> None:
    click.echo(
        f"{cell.way:25} {cell.mode:6} {cell.latency_ms:2} ms {cell.connections:2} connections  "
        f"{cell.calls_per_s:7.0f}/s  median {cell.median_ms:7.2f} ms  p99 {cell.p99_ms:7.2f} ms  "
        f"first byte {cell.first_byte_ms:7.2f} ms"
        + (f"  CPU {cell.cpu_ms:5.2f} ms" if cell.cpu_ms is not None else "")
    )


@click.command()
@click.option("--way", "names", multiple=True, type=click.Choice(list(WAYS)), help="Only these.")
@click.option("--seconds", default=3.0, show_default=True, help="How long each cell is measured.")
@click.option("--out", default=RESULTS, type=click.Path(path_type=Path), show_default=True)
def main(names: tuple[str, ...], seconds: float, out: Path) -> None:
    """Measure one way after the other; ways that are not measured keep their results."""
    measured = _kept(out)
    with app_process(BenchUpstream) as upstream:
        for name in names or WAYS:
            load_average = round(os.getloadavg()[0], 1)
            cells = measure_way(name, upstream.url, seconds)
            measured[name] = {
                "way": name,
                "load_average_before": load_average,
                "cells": [asdict(cell) for cell in cells],
            }
            _write(out, [measured[each] for each in WAYS if each in measured])


def _kept(out: Path) -> dict[str, object]:
    if not out.exists():
        return {}
    return {entry["way"]: entry for entry in json.loads(out.read_text("utf-8"))["ways"]}


def _write(out: Path, ways: list[object]) -> None:
    packages = ("ray-promptopt", "ray", "aiohttp", "uvicorn", "uvloop", "httptools")
    result = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in packages} | {"litellm": LITELLM},
        "ways": ways,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
