"""`pause`, `continue`, `stop`: orders to a run that another command, or a cluster, is at."""

from pathlib import Path

import click

from ray_promptopt.cli.options import results_option
from ray_promptopt.cli.outcome import command_line


@click.command("pause", short_help="Hold a running run.")
@click.argument("run")
@results_option
def pause_command(run: str, results: Path | None) -> None:
    """Have RUN send nothing new out: what is in flight comes home, and no time counts.

    A file PAUSE in the run's folder does the same while it is there.
    """
    from ray_promptopt import python_api

    run_id = python_api.pause(run, results=results)
    again = command_line("continue", run_id, python_api.results_folder(results))
    click.echo(f"pausing {run_id}; go on with: {again}")


@click.command("continue", short_help="Let a paused run go on.")
@click.argument("run")
@results_option
def continue_command(run: str, results: Path | None) -> None:
    """Let the paused RUN go on; a file PAUSE in its folder is removed."""
    from ray_promptopt import python_api

    click.echo(f"continuing {python_api.go_on(run, results=results)}")


@click.command("stop", short_help="End a running run; it can be resumed.")
@click.argument("run")
@results_option
def stop_command(run: str, results: Path | None) -> None:
    """Have RUN end cleanly: what is in flight comes home first.

    A file STOP in the run's folder does the same; `resume` removes it.
    """
    from ray_promptopt import python_api

    run_id = python_api.stop(run, results=results)
    again = command_line("resume", run_id, python_api.results_folder(results))
    click.echo(f"stopping {run_id}; take it up later with: {again}")
