"""MIPRO side by side: `python -m benchmarks.mipro_vs_dspy`; raw results go to a JSON file.

`dspy` is no dependency of the project: `make bench-mipro` installs the extra `dspy` first.
"""

import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import product
from pathlib import Path

import click

from benchmarks.results_file import save
from benchmarks.versus.problem import TASKS
from benchmarks.versus_dspy.contestants import OURS_ALONE, PACKAGE_SIZES, run_size
from benchmarks.versus_dspy.record import (
    Comparison,
    RunKey,
    RunRecord,
    Setting,
    load,
    versions,
)
from ray_promptopt.core.errors import TaskAppError

RESULTS = Path(__file__).parent / "results" / "mipro_vs_dspy.json"
FIRST_SEED = 3000
SIZES = (*OURS_ALONE, *PACKAGE_SIZES)


@click.command()
@click.option("--task", "tasks", multiple=True, type=click.Choice(list(TASKS)))
@click.option("--size", "sizes", multiple=True, type=click.Choice(SIZES))
@click.option("--seeds", default=10, show_default=True, help="How many paired seeds.")
@click.option("--first-seed", default=FIRST_SEED, show_default=True, help="Others to tune on.")
@click.option("--out", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
@click.option("--processes", default=2, show_default=True, help="Runs at once.")
def main(
    tasks: tuple[str, ...],
    sizes: tuple[str, ...],
    seeds: int,
    first_seed: int,
    out: Path,
    processes: int,
) -> None:
    """Compare this project's MIPRO with `dspy.MIPROv2` at equal calls of the models."""
    setting = Setting(
        seeds=tuple(range(first_seed, first_seed + seeds)),
        max_concurrent=16,
        policy_model="embedded/reader-nano",
        policy_median_s=0.2,
        meta_median_s=1.4,  # writing takes seven times as long as answering
        latency_sigma=0.3,
    )
    skipped = _without_data(tasks or tuple(TASKS))
    present = [task for task in tasks or TASKS if task not in skipped]
    runs = _kept(out, setting)
    keys = list(product(setting.seeds, present, sizes or SIZES))
    # Spawned: a forked child would share the parent's event loop.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        started = [pool.submit(run_size, task, size, seed, setting) for seed, task, size in keys]
        for done in as_completed(started):
            for run in done.result():
                runs[run.key] = run
                _say(run)
            save(Comparison(setting, versions(), skipped, _ordered(runs.values())), out)
    for task, reason in skipped.items():
        click.echo(f"{task}: skipped: {reason}")


def _kept(out: Path, setting: Setting) -> dict[RunKey, RunRecord]:
    """Runs of the same setting that are there already; those that are made anew replace them."""
    before = load(out) if out.exists() else None
    same = before is not None and before.setting == setting
    return {run.key: run for run in before.runs} if before is not None and same else {}


def _ordered(runs: Iterable[RunRecord]) -> tuple[RunRecord, ...]:
    tasks, sizes = list(TASKS), list(SIZES)
    return tuple(
        sorted(runs, key=lambda r: (tasks.index(r.task), sizes.index(r.size), r.contestant, r.seed))
    )


def _without_data(tasks: Sequence[str]) -> dict[str, str]:
    reasons = {}
    for task in tasks:
        try:
            TASKS[task].draw(0, TASKS[task].sizes)
        except TaskAppError as error:
            reasons[task] = str(error)
    return reasons


def _say(run: RunRecord) -> None:
    click.echo(
        f"{run.task:10} seed {run.seed} {run.size:7} {run.contestant:5} {run.wall_s:7.1f} s "
        f"{run.policy_calls:5} answers {run.meta_calls:4} texts written "
        f"{run.mean_in_flight:5.1f} in flight  held-out {run.final:.3f}"
    )


if __name__ == "__main__":
    main()
