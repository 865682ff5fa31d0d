"""What the benchmarks of the gateway share: a model server, a load, a gateway on Ray Serve."""
