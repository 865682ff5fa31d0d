"""Compare schedules over worlds and seeds: `python -m benchmarks.simulation.compare --help`."""

import dataclasses
import json
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.simulation.latency import Latencies
from benchmarks.simulation.measure import Measured, Setup, run_once
from benchmarks.simulation.schedules import BASELINE, SCHEDULES
from benchmarks.simulation.summary import Summary, summarise
from benchmarks.simulation.worlds import WORLDS
from ray_promptopt.runs.comparison import PairedComparison

_OUTPUT = Path(__file__).parents[1] / "results" / "simulation.json"
_WIDTH = 132


@click.command()
@click.option(
    "--world", "worlds", multiple=True, type=click.Choice(list(WORLDS)), help="Default: all."
)
@click.option(
    "--schedule",
    "schedules",
    multiple=True,
    type=click.Choice(list(SCHEDULES)),
    help=f"Default: all. {BASELINE} is always run: the others are compared with it.",
)
@click.option("--seeds", default=20, show_default=True, help="Runs per world and schedule.")
@click.option("--budget", default=640, show_default=True, help="Rollouts per run.")
@click.option("--max-concurrent", default=16, show_default=True, help="Calls in flight, at most.")
@click.option(
    "--latency",
    nargs=2,
    default=(0.2, 7.0),
    show_default=True,
    help="Median of a rollout in seconds, and how many times longer a reflection takes.",
)
@click.option("--output", default=_OUTPUT, show_default=True, type=click.Path(path_type=Path))
def main(
    worlds: tuple[str, ...],
    schedules: tuple[str, ...],
    seeds: int,
    budget: int,
    max_concurrent: int,
    latency: tuple[float, float],
    output: Path,
) -> None:
    """Simulate every schedule in every world; print a table, write all runs as JSON."""
    setup = Setup(
        rollout_budget=budget,
        max_concurrent=max_concurrent,
        latencies=Latencies(*latency),
    )
    names = list(dict.fromkeys([BASELINE, *(schedules or SCHEDULES)]))
    runs: list[Measured] = []
    summaries: list[Summary] = []
    for world in worlds or WORLDS:
        by_schedule = compare(world, names, range(seeds), setup)
        rows = [summarise(done, by_schedule[BASELINE], budget) for done in by_schedule.values()]
        Console(width=_WIDTH).print(table(world, rows))
        summaries += rows
        runs += [run for done in by_schedule.values() for run in done]
    write(output, setup, summaries, runs)
    click.echo(f"{len(runs)} runs written to {output}")


def compare(
    world: str, schedules: Iterable[str], seeds: Sequence[int], setup: Setup
) -> dict[str, list[Measured]]:
    """All runs in one world, by schedule, in the order of the seeds."""
    return {
        schedule: [run_once(schedule, world, WORLDS[world], seed, setup) for seed in seeds]
        for schedule in schedules
    }


def table(world: str, rows: Sequence[Summary]) -> Table:
    """One world's rows."""
    result = Table(title=f"world {world}, {rows[0].num_seeds} seeds", title_justify="left")
    headers = ("held-out", f"vs {BASELINE} (95 %)", "at 1/2 budget")
    counts = ("wall s", "speed-up", "busy", "depth", "full evals", "accepted")
    result.add_column("schedule", no_wrap=True)
    for header in (*headers, *counts):
        result.add_column(header, justify="right", no_wrap=True)
    for row in rows:
        result.add_row(
            row.schedule,
            f"{row.held_out:.3f}",
            _interval(row.against_baseline),
            f"{row.held_out_by_rollouts[1]:.3f}",
            f"{row.wall_s:.1f}",
            f"{row.speed_up:.2f}",
            f"{row.utilisation:.0%}",
            f"{row.lineage_depth:.1f}",
            f"{row.full_evaluations:.1f}",
            f"{row.accepted_share:.0%}",
        )
    return result


def write(path: Path, setup: Setup, summaries: Sequence[Summary], runs: Sequence[Measured]) -> None:
    """Everything that the table was made of, with the versions it was made with."""
    document = {
        "versions": {
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "ray_promptopt": version("ray_promptopt"),
        },
        "setup": dataclasses.asdict(setup),
        "worlds": {name: dataclasses.asdict(WORLDS[name]) for name in {s.world for s in summaries}},
        "summaries": [dataclasses.asdict(summary) for summary in summaries],
        "runs": [dataclasses.asdict(run) for run in runs],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    short = json.loads(json.dumps(document), parse_float=lambda digits: round(float(digits), 4))
    path.write_text(json.dumps(short, separators=(",", ":"), sort_keys=True) + "\n")


def _interval(comparison: PairedComparison | None) -> str:
    if comparison is None:
        return ""
    return f"{comparison.difference:+.3f} ({comparison.low:+.3f}..{comparison.high:+.3f})"


if __name__ == "__main__":
    main()
