"""What is told of a call when it is over: a line of the log, metrics, a span. Never a word of what
was asked or answered, and no id that could be used."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.usage import Spend
from ray_promptopt.gateway.calls import Call
from ray_promptopt.gateway.paths import Route
from ray_promptopt.llm.spans import Attribute, CallFacts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallReport:
    """What became of one call. `overhead_s` is the gateway's own part of its latency;
    `first_byte_s` is None for an answer in one piece; `attempts` is 0 where none was made."""

    api: str
    provider: str
    model: str
    status_code: int
    failure_code: str
    latency_s: float
    overhead_s: float
    first_byte_s: float | None
    spend: Spend
    attempts: int
    cached: bool
    fell_back: bool


CallObserver = Callable[[CallReport], None]


def report_call(route: Route, call: Call, exchange: Exchange) -> CallReport:
    """Log the call; what metrics want to know of it."""
    usage, reply, outlet = exchange.spend.usage, call.reply, call.outlet
    report = CallReport(
        route.api,
        reply.provider if reply else call.provider,
        exchange.model,
        exchange.status_code,
        exchange.failure_code or "",
        exchange.latency_s,
        outlet.overhead_s,
        outlet.overhead_s + outlet.upstream_s if outlet.streams else None,
        exchange.spend,
        reply.attempts if reply else 0,
        exchange.cached,
        exchange.fallback_from is not None,
    )
    _log.info(
        "call: trial=%s api=%s provider=%s model=%s status=%d code=%s stream=%s latency_ms=%.1f "
        "overhead_ms=%.2f attempts=%d prompt_tokens=%d completion_tokens=%d usage=%s "
        "cached_tokens=%d cost_usd=%s cache=%s fallback_from=%s",
        route.shown,
        report.api,
        report.provider or "-",
        report.model or "-",
        report.status_code,
        report.failure_code or "-",
        "yes" if outlet.streams else "no",
        report.latency_s * 1000,
        report.overhead_s * 1000,
        report.attempts,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.source,
        usage.cached_tokens,
        "unknown" if exchange.spend.unpriced_calls else f"{exchange.spend.cost_usd:.6f}",
        "hit" if report.cached else "-",
        (exchange.fallback_from or "-").replace(" ", ""),
    )
    return report


def facts_of(route: Route, call: Call, exchange: Exchange) -> CallFacts:
    """What a span tells of the call."""
    own: dict[str, Attribute] = {
        "trial": route.shown,
        "role": "policy",
        "status_code": exchange.status_code,
        "overhead_ms": call.outlet.overhead_s * 1000,
        "cache_hit": exchange.cached,
    }
    if exchange.fallback_from is not None:
        own["fallback_from"] = exchange.fallback_from
    return CallFacts(
        call.dialect.wire,
        call.provider,
        call.model,
        call.asked,
        call.reply,
        exchange.failure_code,
        own,
    )
