"""One connection to Ray: an existing cluster where there is one, else a local Ray of our own.

A Ray that was started here ends here, whatever happened in between.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ray

from ray_promptopt.cluster.authentication import token_where_wanted
from ray_promptopt.cluster.fast_path import fast_path
from ray_promptopt.cluster.names import NAMESPACE
from ray_promptopt.core.errors import ClusterError

LOCAL = "local"
_OBJECT_STORE_BYTES = 256 * 1024 * 1024
"""Rollouts are small; Ray's default of 30 % of the memory would only crowd a laptop."""


@contextmanager
def ray_session(address: str | None = None, *, dashboard: bool = True) -> Iterator[str]:
    """Connect to Ray, disconnect at the end; yields the dashboard's URL, or "" without one.

    `address`: None takes `RAY_ADDRESS`, then this machine's last `ray start`, then starts a local
    Ray; `"local"` always starts one (`dashboard` applies to that alone). Raises ClusterError when
    the cluster cannot be reached.
    """
    if ray.is_initialized():
        raise ClusterError("this process is connected to Ray already; one session at a time")
    _quiet_ray()
    local: dict[str, Any] = {}
    if address == LOCAL:
        local = {"include_dashboard": dashboard, "object_store_memory": _OBJECT_STORE_BYTES}
    with ExitStack() as session:
        if address in (None, LOCAL):
            session.enter_context(fast_path())
        try:
            session.enter_context(token_where_wanted(address))
            context = ray.init(
                address=address,
                namespace=NAMESPACE,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **local,
            )
        except ClusterError:
            raise
        except Exception as error:
            raise _unreachable(address, error) from error
        session.callback(ray.shutdown)
        yield f"http://{context.dashboard_url}" if context.dashboard_url else ""


def _unreachable(address: str | None, error: Exception) -> ClusterError:
    if address == LOCAL:
        return ClusterError(
            f"a local Ray did not come up ({type(error).__name__}: {error}); try again, or name a "
            "running one with --address"
        )
    where = address or os.environ.get("RAY_ADDRESS") or "this machine"
    if "Version mismatch" in str(error):
        return ClusterError(
            f"Ray at {where} cannot be joined from here. {error}"
            "Install the cluster's Ray and Python here, or submit the run to the cluster with "
            "`ray job submit`, or use --address local"
        )
    return ClusterError(
        f"Ray at {where} cannot be reached ({type(error).__name__}: {error}); start it with "
        "`ray start --head`, correct --address, set RAY_AUTH_MODE=token if the cluster wants a "
        "token, or use --address local"
    )


def _quiet_ray() -> None:
    """Ray prints usage and accelerator notes that say nothing about a run."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
