"""Who takes part, by the name that results bear, and one run of one of them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import process_time

from benchmarks.versus.held_out import accuracy
from benchmarks.versus.model_server import Latencies, model_server
from benchmarks.versus.models import HttpModels, InProcessModels, Models
from benchmarks.versus.on_ray import run_on_ray
from benchmarks.versus.ours import run_ours
from benchmarks.versus.problem import TASKS, SearchLimits
from benchmarks.versus.record import SAMPLE_EVERY, Best, RunKey, RunRecord, Setting
from benchmarks.versus.reference import SAMPLINGS, run_reference
from benchmarks.versus.simulated_time import run_simulated
from benchmarks.versus.world import World

Contestant = Callable[[World, SearchLimits], Awaitable[str]]

CONTESTANTS: dict[str, Contestant] = {
    **{f"gepa {name}": partial(run_reference, sampling=name) for name in SAMPLINGS},
    "ours reference": partial(run_ours, schedule="reference"),
    "ours async": partial(run_ours, schedule="async"),
    "ours async in waves": partial(run_ours, schedule="async", in_waves=True),
}


ON_RAY = "ours async on Ray"
"""The whole system; in real time only."""


def run_once(key: RunKey, setting: Setting) -> RunRecord:
    """One run; the held-out rows are scored afterwards."""
    if key.contestant == ON_RAY:
        return run_on_ray(key, setting)
    latencies = Latencies(
        setting.policy_median_s, setting.reflection_median_s, setting.latency_sigma
    )
    if setting.over_http:
        with model_server(latencies, key.seed) as server:
            run = _run(key, setting, lambda: HttpModels(server.base_url))
            done, server_cpu_s = asyncio.run(run), server.cpu_s()
    else:
        settings = latencies.settings(key.seed)
        done = run_simulated(_run(key, setting, lambda: InProcessModels(settings)))
        server_cpu_s = 0.0
    return _record(key, setting, done, server_cpu_s)


@dataclass(frozen=True, slots=True)
class _Done:
    world: World
    wall_s: float
    cpu_s: float
    stop_reason: str


async def _run(key: RunKey, setting: Setting, connect: Callable[[], Models]) -> _Done:
    problem = TASKS[key.task].draw(key.seed, TASKS[key.task].sizes)
    limits = SearchLimits(setting.rollout_budget, setting.minibatch_size, key.seed)
    models, cpu_before_s = connect(), process_time()
    try:
        world = World(problem, models, setting.policy_model, setting.max_concurrent)
        reason = await CONTESTANTS[key.contestant](world, limits)
        return _Done(world, world.elapsed_s, process_time() - cpu_before_s, reason)
    finally:
        await models.aclose()


def _record(key: RunKey, setting: Setting, done: _Done, server_cpu_s: float) -> RunRecord:
    world = done.world
    bests = tuple(
        Best(round(b.at_s, 3), b.rollouts, accuracy(key.task, b.text, setting.policy_model))
        for b in world.bests
    )
    return RunRecord(
        task=key.task,
        contestant=key.contestant,
        seed=key.seed,
        wall_s=round(done.wall_s, 3),
        rollouts=len(world.rollout_times_s),
        policy_calls=world.policy_calls,
        reflection_calls=world.reflection_calls,
        mean_in_flight=round(world.busy_s / max(done.wall_s, 1e-9), 2),
        cpu_s=round(done.cpu_s + server_cpu_s, 2),
        stop_reason=done.stop_reason,
        final_words=len(world.bests[-1].text.split()),
        bests=bests,
        clock_s=tuple(
            round(at_s, 2) for at_s in world.rollout_times_s[SAMPLE_EVERY - 1 :: SAMPLE_EVERY]
        ),
    )
