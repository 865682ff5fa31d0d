"""`run`, `resume`, `evaluate`: the commands that spend rollouts.

What loads Ray is imported inside the commands, so that the others start in no time.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from ray_promptopt.cli.options import address_option, json_option, results_option
from ray_promptopt.cli.outcome import command_line, print_outcome
from ray_promptopt.cli.progress import ProgressDisplay
from ray_promptopt.store.run_view import RunStatus, RunView

if TYPE_CHECKING:
    from ray_promptopt.cluster.launch import Launch
    from ray_promptopt.python_api import Callbacks

_EXIT_CODES = {RunStatus.SUCCEEDED: 0, RunStatus.INTERRUPTED: 130}


@click.command("run", short_help="Optimise a prompt.")
@click.argument("config", type=click.Path(path_type=Path))
@results_option
@address_option
@json_option
def run_command(config: Path, results: Path | None, address: str | None, as_json: bool) -> None:
    """Optimise the prompt that CONFIG (a TOML file) describes."""
    from ray_promptopt import python_api

    follow(
        lambda callbacks: python_api.optimize(
            config, address=address, results=results, callbacks=callbacks
        ),
        results,
        as_json=as_json,
    )


@click.command("resume", short_help="Continue a run from its journal.")
@click.argument("run")
@results_option
@address_option
@json_option
def resume_command(run: str, results: Path | None, address: str | None, as_json: bool) -> None:
    """Continue RUN (an id, the beginning of one, or `latest`) from its journal."""
    from ray_promptopt import python_api

    follow(
        lambda callbacks: python_api.resume(
            run, address=address, results=results, callbacks=callbacks
        ),
        results,
        as_json=as_json,
    )


@click.command("evaluate", short_help="Compare with the baseline on held-out seeds.")
@click.argument("run")
@click.option(
    "--split",
    type=click.Choice(["test"]),
    default="test",
    help="Which seeds to score on: the config's held-out ones.",
)
@results_option
@address_option
@json_option
def evaluate_command(
    run: str, split: str, results: Path | None, address: str | None, as_json: bool
) -> None:
    """Score RUN's best prompt on held-out seeds, paired against the baseline."""
    from ray_promptopt import python_api

    follow(
        lambda callbacks: python_api.evaluate(
            run, address=address, results=results, callbacks=callbacks
        ),
        results,
        as_json=as_json,
    )


def follow(work: "Callable[[Callbacks], RunView]", results: Path | None, *, as_json: bool) -> None:
    """Do the work under a live display, show what came of it, exit with its code."""
    from ray_promptopt import python_api

    console = Console(stderr=as_json)
    launched: list[Launch] = []

    def started(launch: "Launch", dashboard_url: str) -> None:
        launched.append(launch)
        console.print(f"run {launch.run_id}   (gateway {launch.gateway_url})", highlight=False)
        if dashboard_url:
            console.print(f"dashboard {dashboard_url}", highlight=False)

    console.print("starting on Ray …", highlight=False)
    try:
        with ProgressDisplay(console) as display:
            view = work(python_api.Callbacks(started, display.show))
    except KeyboardInterrupt:
        for launch in launched:
            again = command_line("resume", launch.run_id, Path(launch.results_folder))
            console.print(f"continue with: {again}", highlight=False, markup=False, soft_wrap=True)
        raise
    folder = Path(launched[0].results_folder) if launched else python_api.results_folder(results)
    print_outcome(view, folder, as_json=as_json)
    code = _EXIT_CODES.get(view.status, 1)
    if code:
        sys.exit(code)
