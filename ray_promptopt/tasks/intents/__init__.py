"""Intents of a shop's customers: a small data set written for this package."""
