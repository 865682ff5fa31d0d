"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

PORT = click.IntRange(0, 65535)
"""0 takes any free port."""


def results_option(command: F) -> F:
    """Where runs are kept."""
    return click.option(
        "--results",
        type=click.Path(file_okay=False, path_type=Path),
        default=None,
        help="Folder of the runs and their store. Default: results_folder of the config, else "
        "RAY_PROMPTOPT_RESULTS, else ./runs (inside a submitted Ray job: ~/ray_promptopt/runs).",
    )(command)


def address_option(command: F) -> F:
    """Which Ray to use."""
    return click.option(
        "--address",
        default=None,
        help="Ray to use: `local`, or a cluster's address. Default: RAY_ADDRESS, else this "
        "machine's `ray start`, else a local Ray that ends with the command.",
    )(command)


def json_option(command: F) -> F:
    """Machine-readable output."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON object on standard output; progress goes to standard error.",
    )(command)
