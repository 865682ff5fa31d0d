"""Whether this process shows a token to Ray: exactly where the cluster wants one.

A process in token mode also wants a token of whoever calls it. On a cluster without tokens the head
then cannot ask a driver about its actors, takes the driver for dead and ends them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import grpc
import ray
from ray._private.grpc_utils import init_grpc_channel
from ray._private.services import canonicalize_bootstrap_address
from ray._raylet import (  # type: ignore[attr-defined]
    AuthenticationTokenLoader,
    Config,
)
from ray.core.generated.gcs_service_pb2 import (  # type: ignore[attr-defined]
    CheckAliveRequest,
)
from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub

from ray_promptopt.core.errors import ClusterError

_MODE = "RAY_AUTH_MODE"
_ANSWERS_WITHIN_S = 10.0


class _Mode(StrEnum):
    TOKEN = "token"
    DISABLED = "disabled"


@contextmanager
def token_where_wanted(address: str | None) -> Iterator[None]:
    """Until the block ends, Ray's mode is that of the cluster at `address`, as `ray.init` takes it.

    This machine's token goes to this machine's clusters alone; for others `RAY_AUTH_MODE` decides.
    Raises ClusterError when that says `token` and the cluster wants none.
    """
    before = os.environ.get(_MODE)
    try:
        cluster = canonicalize_bootstrap_address(address)  # type: ignore[arg-type]
        if cluster is None:
            _set_mode(before or _Mode.TOKEN)
        else:
            _set_mode(_mode_for(cluster, before))
        yield
    finally:
        _set_mode(before)


def _mode_for(cluster: str, asked: str | None) -> str | None:
    _set_mode(_Mode.DISABLED)
    wants_token = _wants_token(cluster)
    if asked == _Mode.TOKEN and wants_token is False:
        raise ClusterError(
            f"Ray at {cluster} was started without tokens, and {_MODE}=token here: unset it, or "
            f"start the cluster with {_MODE}=token"
        )
    if asked is not None or wants_token is None:
        return asked
    host = cluster.rpartition(":")[0]
    ours = host in ("127.0.0.1", ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    if wants_token and ours and AuthenticationTokenLoader.instance().has_token(True):
        return _Mode.TOKEN
    return _Mode.DISABLED


def _wants_token(cluster: str) -> bool | None:
    """Asked without one. None when nobody answers."""
    with init_grpc_channel(cluster) as channel:
        try:
            nodes = NodeInfoGcsServiceStub(channel)  # type: ignore[no-untyped-call]
            nodes.CheckAlive(CheckAliveRequest(), timeout=_ANSWERS_WITHIN_S)
        except grpc.RpcError as error:
            return True if error.code() is grpc.StatusCode.UNAUTHENTICATED else None
    return False


def _set_mode(mode: str | None) -> None:
    """Also forgets the token that was read: with one at hand Ray wants it, whatever the mode."""
    if mode is None:
        os.environ.pop(_MODE, None)
    else:
        os.environ[_MODE] = mode
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
