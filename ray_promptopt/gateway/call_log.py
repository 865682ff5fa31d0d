"""One line per call, for people and for metrics: never a word of what was asked or answered."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ray_promptopt.core.trace import Exchange
from ray_promptopt.gateway.paths import Route

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallReport:
    """What became of one call. `overhead_s` is the gateway's own part of its latency."""

    api: str
    model: str
    status_code: int
    failure_code: str
    latency_s: float
    overhead_s: float


CallObserver = Callable[[CallReport], None]


def report_call(route: Route, exchange: Exchange, overhead_s: float) -> CallReport:
    """Log the call; what metrics want to know of it."""
    usage = exchange.spend.usage
    _log.info(
        "call: trial=%s api=%s model=%s status=%d code=%s latency_ms=%.1f overhead_ms=%.2f "
        "prompt_tokens=%d completion_tokens=%d usage=%s cost_usd=%.6f",
        route.shown,
        route.api,
        exchange.model,
        exchange.status_code,
        exchange.failure_code or "-",
        exchange.latency_s * 1000,
        overhead_s * 1000,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.source,
        exchange.spend.cost_usd,
    )
    return CallReport(
        route.api,
        exchange.model,
        exchange.status_code,
        exchange.failure_code or "",
        exchange.latency_s,
        overhead_s,
    )
