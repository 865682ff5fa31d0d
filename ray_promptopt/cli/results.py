"""`results`: what is in the store."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ray_promptopt.cli.options import json_option, results_option
from ray_promptopt.cli.outcome import print_outcome
from ray_promptopt.store.run_view import show_score


@click.command("results")
@click.argument("run", required=False)
@results_option
@json_option
def results_command(run: str | None, results: Path | None, as_json: bool) -> None:
    """Show RUN (an id, the beginning of one, or `latest`), or list all runs."""
    from ray_promptopt import python_api

    if run is not None:
        print_outcome(python_api.load_run(run, results=results), as_json=as_json)
        return
    views = python_api.load_runs(results=results)
    if as_json:
        for view in views:
            print_outcome(view, as_json=True)
        return
    table = Table(box=None)
    for column in ("run", "config", "status", "rollouts", "baseline", "best", "USD"):
        table.add_column(
            column, justify="left" if column in ("run", "config", "status") else "right"
        )
    for view in views:
        table.add_row(
            view.run_id,
            view.name,
            view.status,
            str(view.search_rollouts),
            show_score(view.initial.validation_mean if view.initial else None),
            show_score(view.best.validation_mean if view.best else None),
            f"{view.spend.cost_usd:.4f}",
        )
    Console().print(table)
