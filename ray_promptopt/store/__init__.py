"""The run store: a journal of events per run, and what can be read off it."""
