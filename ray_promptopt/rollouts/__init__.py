"""One rollout: what the task app is sent, and how answer and gateway record become a score."""
