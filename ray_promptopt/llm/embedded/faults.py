"""Draws what goes wrong, and how long an answer takes, for each request of a server.

Pure: the n-th request of a server with given settings always has the same fate.
"""

import math
import random
from dataclasses import dataclass
from enum import Enum

from ray_promptopt.llm.embedded.settings import EmbeddedSettings, Faults

_NO_LATENCY_S = 0.0


class Fault(Enum):
    """What happens to one request."""

    NONE = "none"
    ERROR = "error"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True)
class Fate:
    """A request's fault, and the seconds until it is answered."""

    fault: Fault
    delay_s: float


def draw_fate(settings: EmbeddedSettings, model: str, number: int) -> Fate:
    """The fate of request `number` (from 0) to a model."""
    faults = settings.faults
    rng = random.Random(f"{faults.seed}/{number}")
    fault = _fault(faults, rng.random())
    delay_s = _NO_LATENCY_S
    latency = settings.latency.get(model)
    if latency is not None:
        delay_s = latency.median_s * math.exp(latency.sigma * rng.gauss(0.0, 1.0))
    return Fate(fault, faults.timeout_s if fault is Fault.TIMEOUT else delay_s)


def _fault(faults: Faults, draw: float) -> Fault:
    shares = (
        (Fault.RATE_LIMITED, faults.rate_limit_rate),
        (Fault.ERROR, faults.error_rate),
        (Fault.TIMEOUT, faults.timeout_rate),
        (Fault.MALFORMED, faults.malformed_rate),
    )
    for fault, share in shares:
        if draw < share:
            return fault
        draw -= share
    return Fault.NONE


class RateLimit:
    """A bucket that holds one second's worth of requests; the caller passes the time in."""

    def __init__(self, max_requests_per_s: float | None) -> None:
        self._rate = max_requests_per_s
        self._tokens = max(max_requests_per_s or 0.0, 1.0)
        self._filled_at: float | None = None

    def wait_s(self, now: float) -> float:
        """0 when the request may pass (and is counted); else the seconds until one may."""
        if self._rate is None:
            return 0.0
        since = 0.0 if self._filled_at is None else max(0.0, now - self._filled_at)
        self._filled_at = now
        self._tokens = min(max(self._rate, 1.0), self._tokens + since * self._rate)
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate
