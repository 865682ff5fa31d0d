"""Counters and gauges of a run for Prometheus, through Ray's metrics agent."""

from collections.abc import Iterator

from ray.util.metrics import Counter, Gauge

from ray_promptopt.core.usage import Spend
from ray_promptopt.runs.progress import ProgressSnapshot

_RUN = ("run_id",)
_KIND = ("run_id", "kind")
_TOKENS = ("run_id", "kind", "type")

_COUNTED = {
    "rollouts": ("rollouts", "Rollouts that counted in the budget"),
    "held_out_rollouts": ("held_out_rollouts", "Rollouts on test seeds"),
    "failed_attempts": ("failed_attempts", "Attempts that came to nothing and were not scored"),
}
"""Fields of a snapshot that only grow, and the counters' names and words."""
_FATES = ("accepted", "rejected")
_SHOWN = {
    "rollout_budget": ("rollout_budget", "Rollouts that may count"),
    "in_flight": ("in_flight", "Rollouts and model calls under way"),
    "best_score": ("best_score", "Best mean reward on the validation seeds"),
    "baseline_score": ("baseline_score", "Mean reward of the baseline on the validation seeds"),
    "front_size": ("front_size", "Candidates on the front"),
}
"""Fields of a snapshot that go up and down; None while they are unknown."""


class RunMetrics:
    """What the dashboard plots of one run; fed with every snapshot of its progress."""

    def __init__(self, run_id: str) -> None:
        self._run = {"run_id": run_id}
        self._counted = {
            field: Counter(f"promptopt_{name}", words, _RUN)
            for field, (name, words) in _COUNTED.items()
        }
        self._shown = {
            field: Gauge(f"promptopt_{name}", words, _RUN)
            for field, (name, words) in _SHOWN.items()
        }
        self._candidates = Counter(
            "promptopt_candidates", "Candidates that were tried on a minibatch", (*_RUN, "fate")
        )
        self._cost = Counter("promptopt_cost_usd", "USD spent on model calls", _KIND)
        self._tokens = Counter("promptopt_tokens", "Tokens of model calls", _TOKENS)
        self._last = ProgressSnapshot()

    def observe(self, snapshot: ProgressSnapshot) -> None:
        """Counters grow by what came since the last snapshot; gauges show the new values."""
        for name, counter in self._counted.items():
            _grow(counter, getattr(snapshot, name) - getattr(self._last, name), self._run)
        for name, gauge in self._shown.items():
            value = getattr(snapshot, name)
            if value is not None:
                gauge.set(value, tags=self._run)
        for fate in _FATES:
            tags = {**self._run, "fate": fate}
            _grow(self._candidates, getattr(snapshot, fate) - getattr(self._last, fate), tags)
        for kind, now, before in (
            ("policy", snapshot.policy_spend, self._last.policy_spend),
            ("reflection", snapshot.reflection_spend, self._last.reflection_spend),
        ):
            tags = {**self._run, "kind": kind}
            _grow(self._cost, now.cost_usd - before.cost_usd, tags)
            for token_type, grown in _token_growth(now, before):
                _grow(self._tokens, grown, {**tags, "type": token_type})
        self._last = snapshot


def _token_growth(now: Spend, before: Spend) -> Iterator[tuple[str, int]]:
    yield "input", now.usage.prompt_tokens - before.usage.prompt_tokens
    yield "output", now.usage.completion_tokens - before.usage.completion_tokens


def _grow(counter: Counter, by: float, tags: dict[str, str]) -> None:
    if by > 0:
        counter.inc(by, tags=tags)
