"""The `ray-promptopt` command. The only room that prints."""

from ray_promptopt.cli.main import main

__all__ = ["main"]
