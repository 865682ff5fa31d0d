"""Example task apps that ship with the package. They know the task app kit and nothing else."""
