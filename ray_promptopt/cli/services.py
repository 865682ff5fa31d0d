"""`gateway`, `embedded-models`, `task-app`: long-lived services, for development and serving."""

import os
import time
from pathlib import Path

import click

from ray_promptopt.cli.options import PORT, address_option, results_option


@click.command("gateway", short_help="Serve the best prompts of finished runs.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8765, show_default=True, help="Port to listen on.")
@address_option
@results_option
def gateway_command(host: str, port: int, address: str | None, results: Path | None) -> None:
    """Serve the gateway, and the best prompt of every finished run at /v1/RUN_ID."""
    from ray_promptopt import python_api

    with python_api.serve_gateway(host, port, address=address, results=results) as served:
        click.echo(f"gateway {served.url}")
        for run_id in served.run_ids:
            click.echo(f"  {served.url}/v1/{run_id}/chat/completions")
        click.echo("Ctrl-C ends it")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            click.echo("gateway ended")


@click.command("embedded-models", short_help="Serve the stand-in models.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8790, show_default=True, help="Port to listen on.")
def embedded_models_command(host: str, port: int) -> None:
    """Serve the embedded stand-in models over an OpenAI-compatible API."""
    from ray_promptopt.llm.embedded import EmbeddedSettings, run_embedded_server

    settings = EmbeddedSettings(api_key=os.environ.get("EMBEDDED_API_KEY") or None)
    run_embedded_server(host, port, settings)


@click.command("task-app", short_help="Serve a task app that ships.")
@click.argument("name")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8102, show_default=True, help="Port to listen on.")
@click.option(
    "--env-file",
    "env_files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="File of KEY=value lines for the environment; what is set already stays.",
)
def task_app_command(name: str, host: str, port: int, env_files: tuple[Path, ...]) -> None:
    """Serve the shipped task app NAME (intents or banking77); needs ENVIRONMENT_API_KEY."""
    from ray_promptopt.taskapp import run_task_app
    from ray_promptopt.tasks.registry import task_app_config

    run_task_app(lambda: task_app_config(name), host, port, env_files)
