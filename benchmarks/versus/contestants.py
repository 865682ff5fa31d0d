"""Who takes part, by the name that results bear, and one run of one of them."""

import asyncio
import resource
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.versus.held_out import accuracy
from benchmarks.versus.model_server import Latencies, model_server
from benchmarks.versus.ours import run_ours
from benchmarks.versus.problem import TASKS, SearchLimits
from benchmarks.versus.record import SAMPLE_EVERY, Best, RunKey, RunRecord, Setting
from benchmarks.versus.reference import SAMPLINGS, run_reference
from benchmarks.versus.world import World

Contestant = Callable[[World, SearchLimits], Awaitable[str]]

CONTESTANTS: dict[str, Contestant] = {
    **{f"gepa {name}": partial(run_reference, sampling=name) for name in SAMPLINGS},
    "ours reference": run_ours,
}


def run_once(key: RunKey, setting: Setting) -> RunRecord:
    """One run against a model server of its own; the held-out rows are scored afterwards."""
    problem = TASKS[key.task].draw(key.seed, TASKS[key.task].sizes)
    limits = SearchLimits(setting.rollout_budget, setting.minibatch_size, key.seed)
    latencies = Latencies(
        setting.policy_median_s, setting.reflection_median_s, setting.latency_sigma
    )
    with model_server(latencies, key.seed) as server:
        world = World(problem, server.base_url, setting.policy_model, setting.max_concurrent)
        cpu_before_s, server_cpu_before_s = _cpu_s(), server.cpu_s()
        reason, wall_s = asyncio.run(_timed(CONTESTANTS[key.contestant], world, limits))
        cpu_s, server_cpu_s = _cpu_s() - cpu_before_s, server.cpu_s() - server_cpu_before_s
    bests = tuple(
        Best(round(b.at_s, 3), b.rollouts, accuracy(key.task, b.text, setting.policy_model))
        for b in world.bests
    )
    return RunRecord(
        task=key.task,
        contestant=key.contestant,
        seed=key.seed,
        wall_s=round(wall_s, 3),
        rollouts=len(world.rollout_times_s),
        policy_calls=world.policy_calls,
        reflection_calls=world.reflection_calls,
        mean_in_flight=round(world.busy_s / wall_s, 2),
        contestant_cpu_s=round(cpu_s, 2),
        server_cpu_s=round(server_cpu_s, 2),
        stop_reason=reason,
        final_words=len(world.bests[-1].text.split()),
        bests=bests,
        clock_s=tuple(
            round(at_s, 2) for at_s in world.rollout_times_s[SAMPLE_EVERY - 1 :: SAMPLE_EVERY]
        ),
    )


async def _timed(contestant: Contestant, world: World, limits: SearchLimits) -> tuple[str, float]:
    async with world:
        reason = await contestant(world, limits)
        return reason, world.elapsed_s


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
