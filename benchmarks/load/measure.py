"""One run of the real system under a load, read off its journal and its processes."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from benchmarks.load.cpu import cpu_by_kind
from benchmarks.load.load import Load, Measured
from benchmarks.load.task_app import RunningTaskApp
from ray_promptopt import python_api
from ray_promptopt.config.schema import (
    EmbeddedOptions,
    Limits,
    ModelRef,
    RunConfig,
    Splits,
    TaskAppConfigRef,
)
from ray_promptopt.config.schema_gepa import GepaConfig
from ray_promptopt.runs.progress import Phase, ProgressSnapshot
from ray_promptopt.store.events import ProposalFinished, RolloutFinished
from ray_promptopt.store.journal import RunStore, sqlite_url
from ray_promptopt.taskapp.app import KEY_NAME

MINIBATCH = 3
NUM_BASELINE = 3


class _Sampler:
    """CPU at the first and at the latest progress of the search."""

    def __init__(self) -> None:
        self.first: tuple[int, Mapping[str, float]] | None = None
        self.last: tuple[int, Mapping[str, float]] | None = None

    def __call__(self, snapshot: ProgressSnapshot) -> None:
        if snapshot.phase is not Phase.SEARCH or snapshot.rollouts == 0:
            return
        sample = (snapshot.rollouts, cpu_by_kind())
        self.first, self.last = self.first or sample, sample

    def per_rollout_ms(self) -> dict[str, float]:
        """Between the two."""
        if self.first is None or self.last is None or self.last[0] == self.first[0]:
            raise RuntimeError("the search was over before it was seen twice; make the load larger")
        rollouts = self.last[0] - self.first[0]
        before = self.first[1]
        spent = {kind: s - before.get(kind, 0.0) for kind, s in self.last[1].items()}
        by_cost = sorted(spent.items(), key=lambda entry: -entry[1])
        return {kind: round(1000 * s / rollouts, 3) for kind, s in by_cost}


def measure(load: Load, app: RunningTaskApp, results: Path, address: str | None) -> Measured:
    """Run it to its end on a local Ray, or on the cluster at `address`."""
    os.environ[KEY_NAME] = app.key
    sampler = _Sampler()
    view = python_api.optimize(
        _config(load, app),
        address=address or "local",
        results=results,
        callbacks=python_api.Callbacks(on_progress=sampler),
    )
    store = RunStore(sqlite_url(results))
    events = store.events(view.run_id)
    finished = [event for event in events if isinstance(event.event, RolloutFinished)]
    proposals = [event for event in events if isinstance(event.event, ProposalFinished)]
    search = finished[NUM_BASELINE:]
    started_s = search[0].at_s - load.policy_median_s
    wall_s = search[-1].at_s - started_s
    bound_s = _bound_s(load, len(search), len(proposals))
    return Measured(
        load=load,
        rollouts=len(search),
        proposals=len(proposals),
        wall_s=round(wall_s, 2),
        bound_s=round(bound_s, 2),
        rollouts_per_s=round(len(search) / wall_s, 1),
        utilisation=round(bound_s / wall_s, 3),
        start_up_s=round(finished[0].at_s - store.run(view.run_id).created_at_s, 1),
        cpu_ms=sampler.per_rollout_ms(),
        load_average=round(os.getloadavg()[0], 1),
    )


def _bound_s(load: Load, rollouts: int, proposals: int) -> float:
    """All latencies of the models together, over the limit on concurrency."""
    busy_s = rollouts * load.policy_median_s + proposals * load.reflection_median_s
    return busy_s / load.max_concurrent


def _config(load: Load, app: RunningTaskApp) -> RunConfig:
    """Latencies without spread, so that the bound is exact."""
    return RunConfig(
        algorithm="gepa",
        task_app=TaskAppConfigRef(url=app.url, api_key=SecretStr(app.key)),
        policy=ModelRef(provider="embedded", model="embedded/reader-nano"),
        reflection=ModelRef(provider="embedded", model="embedded/writer", temperature=1.0),
        gepa=GepaConfig(schedule=load.schedule, minibatch_size=MINIBATCH),
        splits=Splits(
            train=tuple(range(240)),
            validation=tuple(range(240, 240 + load.num_validation)),
        ),
        limits=Limits(max_rollouts=load.rollout_budget),
        max_concurrent=load.max_concurrent,
        embedded=EmbeddedOptions(
            policy_latency_s=load.policy_median_s,
            reflection_latency_s=load.reflection_median_s,
            latency_sigma=0.0,
        ),
    )
