"""How an embedded server behaves: latency, faults and its key. Settings change no reply's text."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Latency:
    """Log-normal time to answer: the median, and sigma of its logarithm."""

    median_s: float
    sigma: float = 0.3


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of requests (0 to 1) that go wrong, drawn from `seed` and the request's number."""

    seed: int = 0
    error_rate: float = 0.0
    timeout_rate: float = 0.0
    timeout_s: float = 60.0
    malformed_rate: float = 0.0
    rate_limit_rate: float = 0.0
    max_requests_per_s: float | None = None
    retry_after_s: float = 1.0


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """Everything a server of embedded models can be told. `latency` is by model id."""

    latency: Mapping[str, Latency] = field(default_factory=dict)
    faults: Faults = Faults()
    api_key: str | None = None
