"""What a rollout costs and how well a cluster is kept busy: the real system under load."""
