"""The command group, and the one place where an error becomes an exit code.

Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted by Ctrl-C (the run can be resumed).
"""

import logging
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from ray_promptopt.core.errors import ConfigError, PromptOptError

_COMMANDS = {
    "demo": "demo",
    "validate": "check",
    "check-task-app": "check",
    "run": "runs",
    "resume": "runs",
    "evaluate": "runs",
    "pause": "orders",
    "continue": "orders",
    "stop": "orders",
    "results": "results",
    "explain-intercept": "explain",
    "gateway": "services",
    "embedded-models": "services",
    "task-app": "services",
}
"""Command → its module here, in the order in which `--help` shows them."""


class LazyGroup(click.Group):
    """Imports a command's module when it is called, so that `validate` answers in no time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """None for a name that is no command."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"ray_promptopt.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ray-promptopt")
@click.option("-v", "--verbose", is_flag=True, help="Log decisions to standard error.")
def cli(verbose: bool) -> None:
    """Make a prompt measurably better: GEPA on Ray, for any LLM application behind HTTP."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; our own errors are printed as their message, without a traceback."""
    try:
        cli(arguments, standalone_mode=False)
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
