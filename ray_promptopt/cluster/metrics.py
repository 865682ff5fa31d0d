"""Counters and gauges of runs and of the gateway for Prometheus, through Ray's metrics agent."""

from ray.util.metrics import Counter, Gauge, Histogram

from ray_promptopt.gateway.call_log import CallReport
from ray_promptopt.runs.progress import ProgressSnapshot

_TAGS = ("run_id",)


class RunMetrics:
    """What the dashboard plots of one run; fed with every snapshot of its progress."""

    def __init__(self, run_id: str) -> None:
        tags = {"run_id": run_id}
        self._rollouts = Counter(
            "promptopt_rollouts", "Rollouts that counted in the budget", tag_keys=_TAGS
        )
        self._cost = Counter("promptopt_cost_usd", "USD spent on model calls", tag_keys=_TAGS)
        self._in_flight = Gauge(
            "promptopt_in_flight", "Rollouts and model calls under way", tag_keys=_TAGS
        )
        self._best = Gauge(
            "promptopt_best_score", "Best mean reward on the validation seeds", tag_keys=_TAGS
        )
        self._front = Gauge("promptopt_front_size", "Candidates on the front", tag_keys=_TAGS)
        for metric in (self._rollouts, self._cost, self._in_flight, self._best, self._front):
            metric.set_default_tags(tags)
        self._last: ProgressSnapshot | None = None

    def observe(self, snapshot: ProgressSnapshot) -> None:
        """Counters grow by what came since the last snapshot; gauges show the new values."""
        before = self._last
        rollouts = snapshot.rollouts - (before.rollouts if before else 0)
        cost = snapshot.cost_usd - (before.cost_usd if before else 0.0)
        if rollouts > 0:
            self._rollouts.inc(rollouts)
        if cost > 0:
            self._cost.inc(cost)
        self._in_flight.set(snapshot.in_flight)
        self._front.set(snapshot.front_size)
        if snapshot.best_score is not None:
            self._best.set(snapshot.best_score)
        self._last = snapshot


class CallMetrics:
    """What the dashboard plots of a gateway's calls; fed with each call's report."""

    def __init__(self) -> None:
        tags = ("api", "model", "status")
        self._calls = Counter(
            "promptopt_gateway_calls", "Model calls through the gateway", tag_keys=tags
        )
        self._latency = Histogram(
            "promptopt_gateway_latency_ms",
            "Time of a model call, provider included",
            boundaries=_LATENCY_MS,
            tag_keys=tags,
        )
        self._overhead = Histogram(
            "promptopt_gateway_overhead_ms",
            "The gateway's own part of the time to the first byte",
            boundaries=_OVERHEAD_MS,
            tag_keys=tags,
        )

    def observe(self, report: CallReport) -> None:
        """A `CallObserver`."""
        tags = {"api": report.api, "model": report.model, "status": str(report.status_code)}
        self._calls.inc(tags=tags)
        self._latency.observe(report.latency_s * 1000, tags=tags)
        self._overhead.observe(report.overhead_s * 1000, tags=tags)


_LATENCY_MS = [10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0]
_OVERHEAD_MS = [0.3, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1_000.0]
