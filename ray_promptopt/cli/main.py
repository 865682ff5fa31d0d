"""The command group, and the one place where an error becomes an exit code.

Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted by Ctrl-C (the run can be resumed).
"""

import logging
import sys

import click

from ray_promptopt.cli.check import check_task_app_command, validate_command
from ray_promptopt.cli.demo import demo_command
from ray_promptopt.cli.results import results_command
from ray_promptopt.cli.runs import evaluate_command, resume_command, run_command
from ray_promptopt.cli.services import (
    embedded_models_command,
    gateway_command,
    task_app_command,
)
from ray_promptopt.core.errors import ConfigError, PromptOptError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ray-promptopt")
@click.option("-v", "--verbose", is_flag=True, help="Log decisions to standard error.")
def cli(verbose: bool) -> None:
    """Make a prompt measurably better: GEPA on Ray, for any LLM application behind HTTP."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )


for command in (
    run_command,
    resume_command,
    evaluate_command,
    results_command,
    validate_command,
    check_task_app_command,
    demo_command,
    gateway_command,
    embedded_models_command,
    task_app_command,
):
    cli.add_command(command)


def main() -> None:
    """Run the command; our own errors are printed as their message, without a traceback."""
    try:
        cli(standalone_mode=False)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except PromptOptError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except click.exceptions.Exit as finished:
        sys.exit(finished.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
