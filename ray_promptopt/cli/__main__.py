"""`python -m ray_promptopt.cli` is the same command as `ray-promptopt`."""

from ray_promptopt.cli.main import main

main()
