"""GEPA side by side: `python -m benchmarks.gepa_vs_reference`; raw results go to a JSON file."""

from pathlib import Path
from typing import Any

import click

from benchmarks.versus.compare import compare
from benchmarks.versus.contestants import CONTESTANTS, ON_RAY
from benchmarks.versus.problem import TASKS
from benchmarks.versus.record import RunRecord, Setting

RESULTS = Path(__file__).parent / "results"
FIRST_SEED = 1000
LATENCY_SIGMA = 0.3
EVERYBODY = [*CONTESTANTS, ON_RAY]
REFLECTION_TIMES = 7.0
"""How much longer a reflection takes than a policy answer."""


@click.command()
@click.option("--task", "tasks", multiple=True, type=click.Choice(list(TASKS)))
@click.option("--contestant", "contestants", multiple=True, type=click.Choice(EVERYBODY))
@click.option("--quick", is_flag=True, help="2 seeds, 150 rollouts.")
@click.option("--out", type=click.Path(path_type=Path), help="By default named by the limits.")
@click.option("--seeds", default=10, show_default=True, help="How many paired seeds.")
@click.option("--budget", default=1000, show_default=True, help="Rollouts of a run.")
@click.option("--max-concurrent", default=16, show_default=True, help="Calls in flight, at most.")
@click.option("--policy-median-s", default=0.2, show_default=True, help="0: no latency.")
@click.option("--over-http", is_flag=True, help="Real servers, real time, one run at a time.")
@click.option("--processes", default=2, show_default=True, help="Runs at once in simulated time.")
def main(
    tasks: tuple[str, ...],
    contestants: tuple[str, ...],
    quick: bool,
    out: Path | None,
    processes: int,
    **setting: Any,
) -> None:
    """Compare this project's GEPA with the `gepa` package."""
    if quick:
        setting |= {"seeds": 2, "budget": 150}
    same = _setting(**setting)
    kind = "_http" if same.over_http else ""
    named = out or RESULTS / f"gepa_vs_reference_{same.max_concurrent}{kind}.json"
    who = contestants or tuple(EVERYBODY if same.over_http else CONTESTANTS)
    if ON_RAY in who and not same.over_http:
        raise click.UsageError(f"{ON_RAY!r} runs in real time: add --over-http")
    at_once = 1 if same.over_http else processes
    done = compare(same, tasks or tuple(TASKS), who, named, at_once, _say)
    for task, reason in done.skipped.items():
        click.echo(f"{task}: skipped: {reason}")


def _setting(
    seeds: int, budget: int, max_concurrent: int, policy_median_s: float, over_http: bool
) -> Setting:
    return Setting(
        seeds=tuple(range(FIRST_SEED, FIRST_SEED + seeds)),
        rollout_budget=budget,
        minibatch_size=3,  # the package's default
        max_concurrent=max_concurrent,
        policy_model="embedded/reader-nano",
        policy_median_s=policy_median_s,
        reflection_median_s=REFLECTION_TIMES * policy_median_s,
        latency_sigma=LATENCY_SIGMA,
        over_http=over_http,
    )


def _say(run: RunRecord) -> None:
    click.echo(
        f"{run.task:10} seed {run.seed} {run.contestant:16} {run.wall_s:7.1f} s "
        f"{run.rollouts:5} rollouts {run.reflection_calls:4} reflections "
        f"{run.mean_in_flight:5.1f} in flight  held-out {run.bests[-1].held_out:.3f}"
    )


if __name__ == "__main__":
    main()
