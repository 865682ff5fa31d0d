"""Measurements of this project beside others, each with raw results; run by `make bench`."""
