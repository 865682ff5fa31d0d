"""A gateway of its own, serving the best prompt of every run of a store under the run's id."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import ray
from ray import serve

from ray_promptopt.cluster.embedded import start_embedded_models
from ray_promptopt.cluster.gateway import ensure_gateway, gateway_runs
from ray_promptopt.cluster.gateway_state import gateway_state
from ray_promptopt.cluster.models import run_binding
from ray_promptopt.cluster.names import GATEWAY_APPLICATION
from ray_promptopt.cluster.session import ray_session
from ray_promptopt.config.dump import config_from_json
from ray_promptopt.core.ids import RunId
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.store.journal import RunStore
from ray_promptopt.store.run_view import RunView, load_view


@dataclass(frozen=True, slots=True)
class ServedGateway:
    """Where it listens, and the runs whose best prompts it serves at `{url}/v1/{run_id}`."""

    url: str
    run_ids: tuple[RunId, ...]


@contextmanager
def served_gateway(
    store: RunStore, host: str, port: int, *, address: str | None
) -> Iterator[ServedGateway]:
    """Serve until the block ends; a gateway that the cluster had before stays.

    Raises ClusterError when the port is taken.
    """
    with ray_session(address):
        ours = not gateway_runs()
        url = ensure_gateway(host, port)
        served = [row.run_id for row in store.runs() if _publish(load_view(store, row.run_id))]
        try:
            yield ServedGateway(url, tuple(served))
        finally:
            if ours:
                serve.delete(GATEWAY_APPLICATION)


def _publish(view: RunView) -> bool:
    """Make a run's best prompt known to the gateway; False when it has none yet."""
    if view.best is None or view.baseline_json is None:
        return False
    config = config_from_json(view.config_json, {})
    binding = replace(
        run_binding(config, view.run_id, start_embedded_models(config)),
        candidate=view.best.candidate,
        baseline=LearnedBaseline.from_json(view.baseline_json),
    )
    ray.get(gateway_state().serve_best.remote(binding))
    return True
