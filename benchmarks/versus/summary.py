"""From raw runs to what may be claimed: means, paired differences, and their intervals. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.versus.record import Comparison, RunRecord
from ray_promptopt.runs.comparison import PairedComparison, paired_comparison

SINGLE_LANE = "gepa 1"
"""The contestant that all others are compared with."""

CLOCK_SHARE = 0.9
"""The share of the budget up to which the clock is read: contestants end differently (the package
runs past its budget, this project leaves a rest that no proposal fits into)."""

Measure = Callable[[RunRecord], float]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one contestant did on one task. Differences and ratios are to the single lane."""

    contestant: str
    rollouts: float
    reflections: float
    in_flight: float
    final: float
    final_difference: PairedComparison | None
    mean: float
    mean_difference: PairedComparison | None
    seconds: float
    times_faster: PairedComparison | None
    seconds_to_single_lane: float | None


def measures(comparison: Comparison) -> dict[str, Measure]:
    """What is read off a run, by name; rollouts beyond the budget count for nothing."""
    budget = comparison.setting.rollout_budget
    return {
        "final": lambda run: run.held_out_after(budget),
        "mean": lambda run: run.mean_held_out(budget),
        "seconds": lambda run: run.seconds_to(int(CLOCK_SHARE * budget)),
    }


def standings(comparison: Comparison, task: str) -> list[Standing]:
    """Every contestant on one task."""
    return [_standing(comparison, task, name) for name in comparison.contestants()]


def difference(
    comparison: Comparison, task: str, before: str, after: str, measure: str
) -> PairedComparison | None:
    """`after` minus `before`, paired over seeds; of the seconds, the logarithm of their ratio."""
    read = measures(comparison)[measure]
    scale: Callable[[float], float] = (lambda s: -float(np.log(s))) if measure == "seconds" else _as
    return paired_comparison(
        {seed: scale(read(run)) for seed, run in comparison.of(task, before).items()},
        {seed: scale(read(run)) for seed, run in comparison.of(task, after).items()},
    )


def _as(value: float) -> float:
    return value


FEWEST_SEEDS = 6
"""With five, chance alone gives the same sign on all of them once in sixteen comparisons."""


def verdict(compared: PairedComparison | None) -> str:
    """What may be said: higher, lower, or nothing."""
    if compared is None or compared.num_seeds < FEWEST_SEEDS or not compared.distinguishable:
        return "cannot tell"
    return "higher" if compared.difference > 0 else "lower"


def _standing(comparison: Comparison, task: str, name: str) -> Standing:
    runs = list(comparison.of(task, name).values())
    read = measures(comparison)

    def mean(measure: Measure) -> float:
        return float(np.mean([measure(run) for run in runs]))

    def against(measure: str) -> PairedComparison | None:
        if name == SINGLE_LANE:
            return None
        return difference(comparison, task, SINGLE_LANE, name, measure)

    return Standing(
        contestant=name,
        rollouts=mean(lambda run: run.rollouts),
        reflections=mean(lambda run: run.reflection_calls),
        in_flight=mean(lambda run: run.mean_in_flight),
        final=mean(read["final"]),
        final_difference=against("final"),
        mean=mean(read["mean"]),
        mean_difference=against("mean"),
        seconds=mean(read["seconds"]),
        times_faster=against("seconds"),
        seconds_to_single_lane=_seconds_to_single_lane(comparison, task, name),
    )


def _seconds_to_single_lane(comparison: Comparison, task: str, name: str) -> float | None:
    """Median over seeds of when a run was first as good as the single lane's mean final.

    None when half of the runs or more never were.
    """
    single = comparison.of(task, SINGLE_LANE).values()
    if not single:
        return None
    budget = comparison.setting.rollout_budget
    goal = float(np.mean([run.held_out_after(budget) for run in single]))
    reached = [run.seconds_to_accuracy(goal) for run in comparison.of(task, name).values()]
    median = float(np.median([np.inf if at_s is None else at_s for at_s in reached]))
    return median if np.isfinite(median) else None
