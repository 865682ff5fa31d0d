"""The memory of the gateway's processes over time, and whether it grows."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import psutil
from scipy.stats import theilslopes

_KINDS = {
    "ray::ServeReplica": "gateway replica",
    "ray::GatewayStateHost": "gateway state",
    "ray::ProxyActor": "Serve's proxy",
    "ray::HAProxyManager": "HAProxy's manager",
    "ray::ServeController": "Serve's controller",
    "haproxy": "haproxy",
    "gcs_server": "Ray's GCS",
    "raylet/raylet": "raylet",
}
_TITLE = re.compile("|".join(map(re.escape, _KINDS)))
_WARM_UP = 1 / 3
"""Of the time: pools, caches and histograms fill, which is no leak."""
_FLAT = 0.03
"""Growth per hour, as a share of the process, that is taken for flat."""


class Growth(NamedTuple):
    """MB per hour after the warm-up, with its 95 % interval; `size_mb` is the last size."""

    size_mb: float
    mb_per_hour: float
    low: float
    high: float

    @property
    def flat(self) -> bool:
        """Whether the lower end of the interval is no growth that anybody would mind."""
        return self.low <= _FLAT * self.size_mb


def growth(samples: Sequence[tuple[float, float]]) -> Growth:
    """Of samples of seconds and MB, by Theil and Sen: one peak does not bend it."""
    begin_s = samples[0][0] + (samples[-1][0] - samples[0][0]) * _WARM_UP
    late = np.array([sample for sample in samples if sample[0] >= begin_s])
    slope, _, low, high = theilslopes(late[:, 1], late[:, 0] / 3600)
    return Growth(float(late[-1, 1]), float(slope), float(low), float(high))


@dataclass
class MemoryLog:
    """Sizes by kind of process below this one; of several of a kind, their sum."""

    began_s: float = field(default_factory=time.monotonic)
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def sample(self) -> None:
        """One more of each."""
        at_s = round(time.monotonic() - self.began_s, 1)
        for kind, size_mb in _sizes_mb().items():
            self.samples.setdefault(kind, []).append((at_s, round(size_mb, 2)))

    def growth(self) -> Mapping[str, Growth]:
        """Of every kind that was there all the time."""
        longest = max(len(samples) for samples in self.samples.values())
        return {
            kind: growth(samples)
            for kind, samples in self.samples.items()
            if len(samples) == longest
        }


def _sizes_mb() -> Mapping[str, float]:
    sizes: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            found = _TITLE.search(" ".join(process.cmdline()[:2]))
            if found is not None:
                kind = _KINDS[found[0]]
                sizes[kind] = sizes.get(kind, 0.0) + process.memory_info().rss / 2**20
        except psutil.Error:
            continue
    return sizes
