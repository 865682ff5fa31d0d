"""All runs of a comparison, a few at once, with the results file kept up to date."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from pathlib import Path

from benchmarks.results_file import save
from benchmarks.versus.contestants import CONTESTANTS, ON_RAY, run_once
from benchmarks.versus.problem import TASKS
from benchmarks.versus.record import (
    Comparison,
    RunKey,
    RunRecord,
    Setting,
    load,
    versions,
)
from ray_promptopt.core.errors import TaskAppError


def compare(
    setting: Setting,
    tasks: Sequence[str],
    contestants: Sequence[str],
    out: Path,
    at_once: int,
    on_run: Callable[[RunRecord], None],
) -> Comparison:
    """Make the runs anew. Other runs in the file stay when they were made in the same setting."""
    skipped = _without_data(tasks)
    present = [task for task in tasks if task not in skipped]
    keys = [RunKey(*key) for key in product(present, setting.seeds, contestants)]
    runs = _kept(out, setting)
    for key in keys:
        runs.pop(key, None)
    comparison = _comparison(setting, skipped, runs)
    # Spawned: a forked child would share the parent's event loop and sockets.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, mp_context=spawn) as pool:
        started = [pool.submit(run_once, key, setting) for key in keys]
        for done in as_completed(started):
            run = done.result()
            runs[run.key] = run
            comparison = _comparison(setting, skipped, runs)
            save(comparison, out)
            on_run(run)
    return comparison


def _comparison(
    setting: Setting, skipped: dict[str, str], runs: dict[RunKey, RunRecord]
) -> Comparison:
    order = {name: place for place, name in enumerate([*CONTESTANTS, ON_RAY])}
    places = {name: place for place, name in enumerate(TASKS)}
    by_place = sorted(
        runs.values(), key=lambda run: (places[run.task], run.seed, order[run.contestant])
    )
    return Comparison(setting, versions(), skipped, tuple(by_place))


def _kept(out: Path, setting: Setting) -> dict[RunKey, RunRecord]:
    if not out.exists():
        return {}
    before = load(out)
    return {run.key: run for run in before.runs} if before.setting == setting else {}


def _without_data(tasks: Sequence[str]) -> dict[str, str]:
    reasons = {}
    for task in tasks:
        try:
            TASKS[task].draw(0, TASKS[task].sizes)
        except TaskAppError as error:
            reasons[task] = str(error)
    return reasons
