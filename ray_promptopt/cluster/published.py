"""What run ids stand for, in Ray's own key-value store, where Ray Serve keeps its state too.

It lives as long as the cluster: a gateway state that comes back from a crash goes on serving the
best prompts of all runs, also of those that ended long ago.
"""

import pickle

from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_list, _internal_kv_put

from ray_promptopt.cluster.names import NAMESPACE
from ray_promptopt.gateway.binding import TrialBinding

_PREFIX = "best:"


def publish(binding: TrialBinding) -> None:
    """Keep what the binding's run id stands for from now on."""
    _internal_kv_put(f"{_PREFIX}{binding.run_id}", pickle.dumps(binding), namespace=NAMESPACE)


def published() -> list[TrialBinding]:
    """Of every run that has one, the last."""
    keys = _internal_kv_list(_PREFIX, namespace=NAMESPACE)
    return [pickle.loads(_internal_kv_get(key, namespace=NAMESPACE)) for key in keys]
