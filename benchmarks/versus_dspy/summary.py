"""From raw runs to what may be claimed: means, paired differences, and their intervals. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.versus_dspy.record import OURS, PACKAGE, Comparison, RunRecord
from ray_promptopt.runs.comparison import PairedComparison, paired_comparison


@dataclass(frozen=True, slots=True)
class Standing:
    """One contestant at one size, means over seeds; `gain` is against the baseline."""

    size: str
    contestant: str
    held_out: float
    gain: PairedComparison | None
    policy_calls: float
    meta_calls: float
    seconds: float
    in_flight: float


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """Ours against the package at one size: held-out difference, logarithm of the times ratio."""

    size: str
    held_out: PairedComparison | None
    times_faster: PairedComparison | None


def standings(comparison: Comparison, task: str) -> list[Standing]:
    """Every contestant at every size of a task."""
    found = dict.fromkeys((r.size, r.contestant) for r in comparison.runs if r.task == task)
    return [_standing(comparison, task, size, name) for size, name in found]


def heads(comparison: Comparison, task: str) -> list[HeadToHead]:
    """The sizes at which both took part."""
    sizes = dict.fromkeys(
        r.size for r in comparison.runs if r.task == task and r.contestant == PACKAGE
    )
    return [_head(comparison, task, size) for size in sizes]


def small_against_large(
    comparison: Comparison, task: str, small: str, large: str
) -> PairedComparison | None:
    """Held-out accuracy of ours after many rollouts, minus that after few."""
    return paired_comparison(
        *(_read(comparison.of(task, size, OURS), _final) for size in (small, large))
    )


def _standing(comparison: Comparison, task: str, size: str, name: str) -> Standing:
    runs = comparison.of(task, size, name)

    def mean(measure: Callable[[RunRecord], float]) -> float:
        return float(np.mean([measure(run) for run in runs.values()]))

    baseline = _read(runs, lambda run: run.bests[0].held_out)
    return Standing(
        size=size,
        contestant=name,
        held_out=mean(_final),
        gain=paired_comparison(baseline, _read(runs, _final)),
        policy_calls=mean(lambda run: run.policy_calls),
        meta_calls=mean(lambda run: run.meta_calls),
        seconds=mean(lambda run: run.wall_s),
        in_flight=mean(lambda run: run.mean_in_flight),
    )


def _head(comparison: Comparison, task: str, size: str) -> HeadToHead:
    theirs, ours = (comparison.of(task, size, name) for name in (PACKAGE, OURS))
    return HeadToHead(
        size,
        paired_comparison(_read(theirs, _final), _read(ours, _final)),
        paired_comparison(_read(theirs, _speed), _read(ours, _speed)),
    )


def _final(run: RunRecord) -> float:
    return run.final


def _speed(run: RunRecord) -> float:
    return -float(np.log(run.wall_s))


def _read(runs: Mapping[int, RunRecord], measure: Callable[[RunRecord], float]) -> dict[int, float]:
    return {seed: measure(run) for seed, run in runs.items()}
