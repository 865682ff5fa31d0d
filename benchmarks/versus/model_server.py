"""The embedded models in a process of their own, with simulated latencies; also its entry point."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ray_promptopt.llm.embedded import (
    EMBEDDED_MODELS,
    EmbeddedSettings,
    Faults,
    Latency,
    run_embedded_server,
)

WRITER = "embedded/writer"
_HOST = "127.0.0.1"
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """Log-normal seconds to answer; all zero: at once."""

    policy_median_s: float
    reflection_median_s: float
    sigma: float

    def settings(self, seed: int) -> EmbeddedSettings:
        """Of the models, when latencies are drawn from this seed."""
        medians = dict.fromkeys(EMBEDDED_MODELS, self.policy_median_s)
        medians[WRITER] = self.reflection_median_s
        latency = {model: Latency(s, self.sigma) for model, s in medians.items() if s > 0}
        return EmbeddedSettings(latency=latency, faults=Faults(seed=seed))


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A server that runs."""

    base_url: str
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """CPU seconds that the process has used so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def model_server(latencies: Latencies, seed: int) -> Iterator[ModelServer]:
    """A fresh server, so that no contestant finds a cache that another one has warmed."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = probe.getsockname()[1]
    arguments = [port, latencies.policy_median_s, latencies.reflection_median_s]
    arguments += [latencies.sigma, seed]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.versus.model_server", *map(str, arguments)]
    )
    try:
        base_url = f"http://{_HOST}:{port}"
        _wait_until_up(base_url, process)
        yield ModelServer(base_url, process)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_up(base_url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{base_url}/health", timeout=1.0):
                return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the model server at {base_url} did not come up")


if __name__ == "__main__":
    port, *medians, seed = sys.argv[1:]
    run_embedded_server(_HOST, int(port), Latencies(*map(float, medians)).settings(int(seed)))
