"""GEPA side by side: this project's schedules and the `gepa` package on the same models."""
