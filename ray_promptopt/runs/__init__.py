"""The loop of a run behind ports: it knows what must happen, not which process does it."""
