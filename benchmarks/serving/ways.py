"""The ways to a model that are measured: each where it listens, and whose CPU it takes."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.serving.environ import HAPROXY, NO_HAPROXY
from benchmarks.serving.litellm_proxy import litellm_proxy
from benchmarks.serving.passthrough import Passthrough
from benchmarks.serving.plain import binding, plain_gateway
from benchmarks.serving.processes import app_process
from ray_promptopt.core.ids import new_run_id

LATENCIES_MS = (0, 20)


@dataclass(frozen=True)
class Target:
    """Where to ask for a model of each latency. `pid` is None where there is nothing between."""

    urls: Mapping[int, str]
    pid: int | None
    models: Mapping[int, str] = field(default_factory=lambda: dict.fromkeys(LATENCIES_MS, "m"))


Way = Callable[[str], AbstractContextManager[Target]]
"""From the URL of the model server to a target that stands until the end of the block."""


@contextmanager
def direct(upstream: str) -> Iterator[Target]:
    """Nothing between."""
    yield Target({ms: f"{upstream}/{ms}/v1/chat/completions" for ms in LATENCIES_MS}, None)


@contextmanager
def passthrough(upstream: str) -> Iterator[Target]:
    """The least that a proxy can be."""
    with app_process(Passthrough, upstream) as proxy, direct(proxy.url) as target:
        yield Target(target.urls, proxy.pid)


@contextmanager
def under_uvicorn(upstream: str) -> Iterator[Target]:
    """The gateway without Ray, its state in its own process."""
    run_id = new_run_id()
    trials = [binding(run_id, url) for url in _base_urls(upstream)]
    with app_process(plain_gateway, trials) as gateway:
        yield _of_trials(gateway.url, [trial.trial_id for trial in trials], gateway.pid)


def on_serve(environ: Mapping[str, str]) -> Way:
    """The gateway as runs have it."""

    @contextmanager
    def way(upstream: str) -> Iterator[Target]:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_serve_trials, args=(theirs, environ, _base_urls(upstream)))
        process.start()
        assert process.pid is not None
        try:
            url, trial_ids = ours.recv()
            yield _of_trials(url, trial_ids, process.pid)
            ours.send("end")
        finally:
            process.join(timeout=30)
            process.terminate()

    return way


@contextmanager
def litellm(upstream: str) -> Iterator[Target]:
    """LiteLLM's proxy."""
    models = {ms: f"m{ms}" for ms in LATENCIES_MS}
    named = dict(zip(models.values(), _base_urls(upstream), strict=True))
    with litellm_proxy(named) as proxy:
        url = f"{proxy.url}/v1/chat/completions"
        yield Target(dict.fromkeys(LATENCIES_MS, url), proxy.pid, models)


WAYS: dict[str, Way] = {
    "direct": direct,
    "passthrough": passthrough,
    "gateway, uvicorn alone": under_uvicorn,
    "gateway, Serve": on_serve(NO_HAPROXY),
    "gateway, Serve + HAProxy": on_serve(HAPROXY),
    "LiteLLM proxy": litellm,
}


def _base_urls(upstream: str) -> list[str]:
    return [f"{upstream}/{ms}/v1" for ms in LATENCIES_MS]


def _of_trials(url: str, trial_ids: Sequence[str], pid: int) -> Target:
    trials = zip(LATENCIES_MS, trial_ids, strict=True)
    return Target({ms: f"{url}/v1/{trial}/chat/completions" for ms, trial in trials}, pid)


def _serve_trials(pipe: Any, environ: Mapping[str, str], base_urls: Sequence[str]) -> None:
    """The target of a process. Serve reads its environment when it is imported."""
    os.environ.update(environ)
    from benchmarks.serving.on_ray import gateway_on_ray

    with gateway_on_ray() as gateway:
        run_id = gateway.begin_run()
        pipe.send((gateway.url, [gateway.add_trial(run_id, url) for url in base_urls]))
        pipe.recv()
