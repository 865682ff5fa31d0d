"""CPU seconds of this process and everything below it, by what a process is."""

import re
from collections import defaultdict
from collections.abc import Mapping

import psutil

_RAY_TITLE = re.compile(r"ray::(?P<actor>\w+)")
_RAY_SYSTEM = ("raylet", "gcs_server", "dashboard", "agent", "log_monitor", "monitor")
SERVED = frozenset({"HttpService"})
"""Task apps and models that a run serves for itself."""
DRIVER = "driver"
HAPROXY = "haproxy"
RAY_SYSTEM = "Ray itself"


def cpu_by_kind() -> Mapping[str, float]:
    """Kind of process (an actor's class, Ray's own processes, this driver) to CPU seconds so far.

    Task apps and models, the parts that are not this project's, are left out.
    """
    used: defaultdict[str, float] = defaultdict(float)
    driver = psutil.Process()
    for process in [driver, *driver.children(recursive=True)]:
        try:
            times = process.cpu_times()
            kind = DRIVER if process == driver else _kind(" ".join(process.cmdline()))
        except psutil.Error:
            continue
        if kind is not None:
            used[kind] += times.user + times.system
    return used


def _kind(title: str) -> str | None:
    if "haproxy" in title:
        return HAPROXY
    actor = _RAY_TITLE.search(title)
    if actor is not None:
        name = actor["actor"]
        return None if name in SERVED else name
    return RAY_SYSTEM if any(name in title for name in _RAY_SYSTEM) else None
