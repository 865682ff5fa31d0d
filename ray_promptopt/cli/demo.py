"""`demo`: the shipped intents, the embedded models, GEPA from end to end. No key, no network."""

from pathlib import Path

import click

from ray_promptopt.cli.options import results_option
from ray_promptopt.cli.runs import follow

_CONFIG = Path(__file__).with_name("demo.toml")


@click.command("demo", short_help="A whole run on shipped data, no key.")
@results_option
def demo_command(results: Path | None) -> None:
    """Improve the prompt of a small intent classifier, in about a minute."""
    from ray_promptopt import python_api

    click.echo("GEPA on the shipped intents task, with the embedded stand-in models:")
    follow(
        lambda callbacks: python_api.optimize(
            _CONFIG, address="local", results=results, callbacks=callbacks
        ),
        results,
        as_json=False,
    )
    click.echo("\nnext: open the report, or point task_app_url at your own task app")
