"""Counters, histograms and gauges of the gateway for Prometheus, through Ray's metrics agent.

Counters are added up here and passed on once a second, so that a call pays for two or three
observations alone.
"""

from collections import defaultdict
from collections.abc import Iterator

from ray.util.metrics import Counter, Gauge, Histogram

from ray_promptopt.gateway.call_log import CallReport
from ray_promptopt.gateway.load import ReplicaLoad

FLUSH_EVERY_S = 1.0

_CALL = ("api", "model", "status")
_MODEL = ("provider", "model")
_LATENCY_MS = [10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0]
_OVERHEAD_MS = [0.3, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1_000.0]


def _counter(name: str, words: str, tags: tuple[str, ...]) -> Counter:
    return Counter(f"promptopt_gateway_{name}", words, tags)


def _gauge(name: str, words: str, tags: tuple[str, ...] = ()) -> Gauge:
    return Gauge(f"promptopt_gateway_{name}", words, tags)


Grown = tuple[str, tuple[str, ...], float]


class GatewayMetrics:
    """What the dashboard plots of one replica."""

    def __init__(self) -> None:
        self._counters = {
            "calls": _counter("calls", "Calls that were answered or refused", _CALL),
            "errors": _counter("errors", "Calls that failed", (*_MODEL, "code")),
            "tokens": _counter("tokens", "Tokens of the models' answers", (*_MODEL, "type")),
            "cost": _counter("cost_usd", "USD of the models' answers", _MODEL),
            "unpriced": _counter("unpriced_calls", "Calls whose price nobody knows", _MODEL),
            "retries": _counter("retries", "Attempts after a call's first", _MODEL),
            "hits": _counter("cache_hits", "Calls answered from a run's cache", _MODEL),
            "fallbacks": _counter("fallbacks", "Calls answered by a model that stands in", _MODEL),
        }
        self._latency = Histogram(
            "promptopt_gateway_latency_ms",
            "Time of a model call, provider included",
            _LATENCY_MS,
            _CALL,
        )
        self._first_byte = Histogram(
            "promptopt_gateway_first_byte_ms", "Time to a stream's first byte", _LATENCY_MS, _CALL
        )
        self._overhead = Histogram(
            "promptopt_gateway_overhead_ms",
            "The gateway's own part of the time to the first byte",
            _OVERHEAD_MS,
            _CALL,
        )
        self._in_hand = _gauge("calls_in_hand", "Calls that a replica has in hand")
        self._unrecorded = _gauge("unrecorded", "Events on their way to the gateway's state")
        self._limit = _gauge("model_limit", "Calls that a model is asked at once", ("model",))
        self._in_flight = _gauge("model_in_flight", "Calls that a model is asked now", ("model",))
        self._waiting = _gauge("model_waiting", "Calls in line for a model", ("model",))
        self._grown: defaultdict[tuple[str, tuple[str, ...]], float] = defaultdict(float)

    def observe(self, report: CallReport) -> None:
        """A `CallObserver`."""
        call = (report.api, report.model, str(report.status_code))
        tags = dict(zip(_CALL, call, strict=True))
        self._latency.observe(report.latency_s * 1000, tags)
        self._overhead.observe(report.overhead_s * 1000, tags)
        if report.first_byte_s is not None:
            self._first_byte.observe(report.first_byte_s * 1000, tags)
        for name, values, by in _grown_by(report, call):
            if by:
                self._grown[name, values] += by

    def flush(self, load: ReplicaLoad) -> None:
        """Pass on what was added up, and show the load."""
        grown, self._grown = self._grown, defaultdict(float)
        for (name, values), by in grown.items():
            counter = self._counters[name]
            counter.inc(by, dict(zip(counter.info["tag_keys"], values, strict=True)))
        self._in_hand.set(load.calls_in_hand)
        self._unrecorded.set(load.unrecorded)
        for line in load.lines:
            tags = {"model": line.model}
            self._limit.set(line.limit, tags)
            self._in_flight.set(line.in_flight, tags)
            self._waiting.set(line.waiting, tags)


def _grown_by(report: CallReport, call: tuple[str, ...]) -> Iterator[Grown]:
    """Counter, values of its tags, and by how much it grows."""
    model, spend = (report.provider, report.model), report.spend
    yield "calls", call, 1
    yield "errors", (*model, report.failure_code), 1 if report.failure_code else 0
    yield "tokens", (*model, "input"), spend.usage.prompt_tokens
    yield "tokens", (*model, "cached_input"), spend.usage.cached_tokens
    yield "tokens", (*model, "output"), spend.usage.completion_tokens
    yield "cost", model, spend.cost_usd
    yield "unpriced", model, spend.unpriced_calls
    yield "retries", model, max(0, report.attempts - 1)
    yield "hits", model, 1 if report.cached else 0
    yield "fallbacks", model, 1 if report.fell_back else 0
