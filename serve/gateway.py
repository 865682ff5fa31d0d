"""The gateway for `serve deploy serve/gateway.yaml`, run from the project's root."""

from ray import serve

from ray_promptopt.cluster.gateway import gateway_application


def build(arguments: dict[str, int]) -> serve.Application:
    """`num_replicas` comes from the YAML's `args`."""
    return gateway_application(num_replicas=arguments.get("num_replicas", 1))
