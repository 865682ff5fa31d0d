"""`validate` and `check-task-app`: what can be known before anything is started."""

import asyncio
import os
import sys
from pathlib import Path

import click

from ray_promptopt.config.dump import resolved_json
from ray_promptopt.config.loader import load_config


@click.command("validate", short_help="Check a config; starts nothing.")
@click.argument("config", type=click.Path(path_type=Path))
def validate_command(config: Path) -> None:
    """Print the resolved CONFIG, or everything that is wrong with it. Starts nothing."""
    resolved = load_config(config, environ=os.environ)
    for warning in resolved.warnings:
        click.echo(f"warning: {warning}", err=True)
    # Loads the price list, which a faulty config has no use for.
    from ray_promptopt.runs.estimate import estimate

    for fact in estimate(resolved):
        click.echo(f"estimate: {fact}", err=True)
    click.echo(resolved_json(resolved))


@click.command("check-task-app", short_help="Say what is wrong with a task app.")
@click.argument("url")
@click.option(
    "--seed",
    "seeds",
    type=int,
    multiple=True,
    default=(0, 1),
    show_default=True,
    help="Seed to roll out; may be given several times.",
)
@click.option("--split", default=None, help="Data split that the seeds are of.")
def check_task_app_command(url: str, seeds: tuple[int, ...], split: str | None) -> None:
    """Exercise the task app at URL and say in words what is wrong with it.

    The key is taken from ENVIRONMENT_API_KEY. No model is called: a recording stand-in answers.
    """
    # Loads FastAPI and httpx, which `validate` has no use for.
    from ray_promptopt.taskapp.check import check_task_app

    key = os.environ.get("ENVIRONMENT_API_KEY", "")
    results = asyncio.run(check_task_app(url, key, seeds=seeds, split=split))
    for result in results:
        click.echo(f"{'ok  ' if result.ok else 'FAIL'}  {result.name}: {result.detail}")
        if not result.ok:
            click.echo(f"      → {result.remedy}")
    if not all(result.ok for result in results):
        sys.exit(1)
