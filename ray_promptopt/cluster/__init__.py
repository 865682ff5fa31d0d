"""The only room with Ray: plain classes of the rooms below become actors and Serve deployments."""
