"""Is a candidate better than the baseline? Paired over the same seeds, with an interval. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ray_promptopt.store.run_view import CandidateRecord, RunView

_RESAMPLES = 10_000
_STREAM = 20250719
"""The resampling draws from a fixed stream: the same scores always give the same interval."""


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Means over the common seeds, their difference, and its 95 % bootstrap interval.

    `distinguishable` is true when the interval excludes zero: only then is a claim made.
    """

    num_seeds: int
    baseline_mean: float
    candidate_mean: float
    difference: float
    low: float
    high: float

    @property
    def distinguishable(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        means = f"{self.baseline_mean:.3f} → {self.candidate_mean:.3f}"
        interval = f"{self.difference:+.3f} (95 % interval {self.low:+.3f} to {self.high:+.3f})"
        verdict = "" if self.distinguishable else ": not distinguishable from the baseline"
        return f"{means}, {interval}, {self.num_seeds} seeds, paired{verdict}"


def paired_comparison(
    baseline: Mapping[int, float], candidate: Mapping[int, float]
) -> PairedComparison | None:
    """Scores by seed; None when fewer than two seeds are common.

    Percentile bootstrap over the paired differences (Efron and Tibshirani 1993, chapter 13).
    """
    seeds = sorted(baseline.keys() & candidate.keys())
    if len(seeds) < 2:
        return None
    before = np.array([baseline[seed] for seed in seeds])
    after = np.array([candidate[seed] for seed in seeds])
    differences = after - before
    rng = np.random.default_rng(_STREAM)
    draws = rng.integers(0, len(seeds), size=(_RESAMPLES, len(seeds)))
    low, high = np.quantile(differences[draws].mean(axis=1), [0.025, 0.975])
    return PairedComparison(
        num_seeds=len(seeds),
        baseline_mean=float(before.mean()),
        candidate_mean=float(after.mean()),
        difference=float(differences.mean()),
        low=float(low),
        high=float(high),
    )


def held_out_comparison(view: RunView) -> PairedComparison | None:
    """Best against baseline on the test seeds; None before both were scored there, or when the
    baseline is still the best."""
    if view.initial is None or view.best is None or view.initial is view.best:
        return None
    return paired_comparison(_held_out_scores(view.initial), _held_out_scores(view.best))


def _held_out_scores(record: CandidateRecord) -> dict[int, float]:
    return {seed: scored.score for seed, scored in record.held_out.items()}
