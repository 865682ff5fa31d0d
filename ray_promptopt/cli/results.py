"""`results`: what is in the store."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ray_promptopt.cli.options import json_option, results_option
from ray_promptopt.cli.outcome import outcome, print_outcome
from ray_promptopt.store.run_view import show_score


@click.command("results", short_help="Show a run, or list all.")
@click.argument("run", required=False)
@results_option
@json_option
def results_command(run: str | None, results: Path | None, as_json: bool) -> None:
    """Show RUN (an id, the beginning of one, or `latest`), or list all runs."""
    from ray_promptopt import python_api

    folder = python_api.results_folder(results)
    if run is not None:
        print_outcome(python_api.load_run(run, results=folder), folder, as_json=as_json)
        return
    views = python_api.load_runs(results=folder)
    if as_json:
        runs = [outcome(view, folder) for view in views]
        click.echo(json.dumps({"runs": runs}, ensure_ascii=False))
        return
    if not views:
        click.echo(f"no runs in {folder}")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("run", "config", "status", "rollouts", "baseline", "best", "USD"):
        words = column in ("run", "config", "status")
        table.add_column(column, justify="left" if words else "right")
    for view in views:
        table.add_row(
            Text(view.run_id),
            Text(view.name),
            view.status,
            str(view.search_rollouts),
            show_score(view.initial.validation_mean if view.initial else None),
            show_score(view.best.validation_mean if view.best else None),
            f"{view.spend.cost_usd:.4f}",
        )
    # Wider than any terminal: a run id that is cut could not be pasted into the next command.
    Console(width=1000, highlight=False).print(table)
