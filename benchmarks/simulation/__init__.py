"""Schedules compared over many seeds in seconds: simulated time, worlds whose truth is known."""
