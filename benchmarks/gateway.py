"""What the gateway adds to a model call: `python -m benchmarks.gateway`.

The same upstream, which answers at once, is asked directly and through the gateway under uvicorn
(one process each, traces recorded), whole and streamed, at 1, 16 and 64 connections. Besides the
clock, which other work on the machine disturbs, the gateway's CPU time per call is counted.
"""

import asyncio
import json
import multiprocessing
import os
import platform
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import click
import uvicorn

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import RunId, TrialId, new_correlation_id, new_run_id, new_trial_id
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.gateway.app import GatewayApp
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.state import GatewayState, TraceEvent
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.prompts.learning import learn_baseline

_OUTPUT = Path(__file__).parent / "results" / "gateway.json"
_BASELINE = "Sort the customer's message into one of the classes."
_QUESTION = "Where is my parcel?"
_NUM_CHUNKS = 20
_CONNECTIONS = (1, 16, 64)


async def upstream(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once, as it is asked: whole or as a stream."""
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    streams = b'"stream": true' in body or b'"stream":true' in body
    kind = b"text/event-stream" if streams else b"application/json"
    headers = [(b"content-type", kind)]
    if not streams:
        headers.append((b"content-length", str(len(_WHOLE)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for frame in _FRAMES if streams else [_WHOLE]:
        await send({"type": "http.response.body", "body": frame, "more_body": streams})
    if streams:
        await send({"type": "http.response.body", "body": b""})


def _whole(**fields: Any) -> bytes:
    usage = {"prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50}
    message = {"role": "assistant", "content": "It is on its way. " * 4}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}
    return json.dumps({**body, "usage": usage, **fields}).encode()


def _frame(delta: dict[str, str], end: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return (
        b"data: " + _whole(object="chat.completion.chunk", choices=[choice], usage=None) + b"\n\n"
    )


_WHOLE = _whole()
_FRAMES = [
    *(_frame({"content": "word "}) for _ in range(_NUM_CHUNKS)),
    _frame({}, "stop"),
    b"data: " + _whole(object="chat.completion.chunk", choices=[]) + b"\n\n",
    b"data: [DONE]\n\n",
]


class PlainState:
    """The gateway's state in its own process: what an actor costs is not measured here."""

    def __init__(self, binding: TrialBinding) -> None:
        self._state = GatewayState()
        self._state.register(binding)

    async def resolve(self, reference: str) -> TrialBinding | None:
        return self._state.resolve(reference)

    async def record(self, events: Sequence[TraceEvent]) -> None:
        self._state.record(events)


def serve_upstream(listener: socket.socket) -> None:
    _serve(upstream, listener)


def serve_gateway(listener: socket.socket, trial_id: str, run_id: str, base_url: str) -> None:
    calls = [
        [ChatMessage("system", _BASELINE), ChatMessage("user", text)] for text in ("a b c", "d")
    ]
    model = UpstreamModel("openai_compatible", "m", base_url)
    candidate = Candidate.of({"system": "Weigh the verbs before the nouns."})
    binding = TrialBinding(
        TrialId(trial_id), RunId(run_id), model, candidate, learn_baseline(calls)
    )
    _serve(GatewayApp(PlainState(binding)), listener)


def _serve(app: Any, listener: socket.socket) -> None:
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


@dataclass(frozen=True)
class Measured:
    """One cell. `cpu_ms` is the gateway's CPU time per call, None for direct calls."""

    way: str
    mode: str
    connections: int
    calls: int
    calls_per_s: float
    median_ms: float
    p99_ms: float
    first_byte_ms: float
    cpu_ms: float | None


async def measure(
    url: str, way: str, *, stream: bool, connections: int, seconds: float, pid: int | None
) -> Measured:
    """Keep so many connections busy for a while."""
    messages = [
        {"role": "system", "content": _BASELINE}, {"role": "user", "content": _QUESTION}
    ]  # fmt: skip
    body = {"model": "m", "messages": messages, "stream": stream}
    times: list[tuple[float, float]] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def caller(until_s: float) -> None:
            began_s = 0.0
            while began_s < until_s:
                began_s = time.perf_counter()
                async with session.post(f"{url}?cid={new_correlation_id()}", json=body) as reply:
                    await reply.content.readany()
                    first_s = time.perf_counter()
                    await reply.content.read()
                    assert reply.status == 200
                times.append((first_s - began_s, time.perf_counter() - began_s))

        await caller(time.perf_counter() + 0.3)
        times.clear()
        cpu_s, began_s = _cpu_s(pid), time.perf_counter()
        await asyncio.gather(*(caller(began_s + seconds) for _ in range(connections)))
        took_s, cpu_s = time.perf_counter() - began_s, _cpu_s(pid) - cpu_s
    whole = sorted(took for _, took in times)
    return Measured(
        way,
        "stream" if stream else "whole",
        connections,
        len(times),
        len(times) / took_s,
        statistics.median(whole) * 1000,
        whole[int(len(whole) * 0.99)] * 1000,
        statistics.median(first for first, _ in times) * 1000,
        None if pid is None else cpu_s / len(times) * 1000,
    )


def _cpu_s(pid: int | None) -> float:
    """User and system time of a process, from Linux' `/proc`."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _process(target: Any, *arguments: Any) -> Iterator[tuple[str, int]]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=target, args=(listener, *arguments), daemon=True)
    process.start()
    assert process.pid is not None
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", process.pid
    finally:
        process.terminate()
        process.join()
        listener.close()


@click.command()
@click.option("--seconds", default=4.0, show_default=True, help="How long each cell is measured.")
@click.option("--output", default=_OUTPUT, type=click.Path(path_type=Path), show_default=True)
def main(seconds: float, output: Path) -> None:
    """Measure, print the table, write the result."""
    trial, run = new_trial_id(), new_run_id()
    cells: list[Measured] = []
    with (
        _process(serve_upstream) as (direct, _),
        _process(serve_gateway, trial, run, f"{direct}/v1") as (gateway, pid),
    ):
        for stream in (False, True):
            for connections in _CONNECTIONS:
                for way, base, owner in (("direct", direct, None), ("gateway", gateway, pid)):
                    url = f"{base}/v1/{trial}/chat/completions"
                    cell = asyncio.run(
                        measure(
                            url, way, stream=stream, connections=connections, seconds=seconds,
                            pid=owner,
                        )
                    )  # fmt: skip
                    cells.append(cell)
                    print(
                        f"{cell.way:8} {cell.mode:7} {cell.connections:3} connections  "
                        f"{cell.calls_per_s:7.0f}/s  median {cell.median_ms:7.2f} ms  "
                        f"p99 {cell.p99_ms:7.2f} ms  first byte {cell.first_byte_ms:7.2f} ms"
                        + (f"  CPU {cell.cpu_ms:5.2f} ms" if cell.cpu_ms is not None else "")
                    )
    packages = ("aiohttp", "uvicorn", "uvloop", "httptools", "ray-promptopt")
    result = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in packages},
        "seconds": seconds,
        "cells": [asdict(cell) for cell in cells],
    }
    output.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
