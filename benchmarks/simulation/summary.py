"""Many runs of one schedule in one world as one row, paired by seed against the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.simulation.measure import CurvePoint, Measured
from ray_promptopt.runs.comparison import PairedComparison, paired_comparison

SHARES = (0.25, 0.5, 0.75)  # of the budget, and of the baseline's wall clock, where curves are read


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over seeds. `against_baseline` is None for the baseline, and for a single seed."""

    world: str
    schedule: str
    num_seeds: int
    held_out: float
    against_baseline: PairedComparison | None
    held_out_by_rollouts: tuple[float, ...]
    """At `SHARES` of the rollouts that may be used."""
    held_out_by_time: tuple[float, ...]
    """At `SHARES` of the wall clock of the baseline with the same seed."""
    wall_s: float
    speed_up: float
    """Mean wall clock of the baseline over that of this schedule."""
    utilisation: float
    utilisation_by_period: tuple[float, ...]
    rollouts: float
    reflections: float
    full_evaluations: float
    lineage_depth: float
    accepted_share: float


def summarise(
    runs: Sequence[Measured], baseline: Sequence[Measured], rollout_budget: int
) -> Summary:
    """`runs` are of one schedule and world; `baseline` has the same seeds in the same order."""
    first = runs[0]
    before = {run.seed: run.held_out for run in baseline}
    after = {run.seed: run.held_out for run in runs}
    is_baseline = first.schedule == baseline[0].schedule
    wall_s = fmean(run.wall_s for run in runs)
    return Summary(
        world=first.world,
        schedule=first.schedule,
        num_seeds=len(runs),
        held_out=fmean(after.values()),
        against_baseline=None if is_baseline else paired_comparison(before, after),
        held_out_by_rollouts=tuple(
            fmean(at_rollouts(run.curve, share * rollout_budget) for run in runs)
            for share in SHARES
        ),
        held_out_by_time=tuple(
            fmean(
                at_time(run.curve, share * other.wall_s)
                for run, other in zip(runs, baseline, strict=True)
            )
            for share in SHARES
        ),
        wall_s=wall_s,
        speed_up=fmean(run.wall_s for run in baseline) / wall_s,
        utilisation=fmean(run.utilisation for run in runs),
        utilisation_by_period=tuple(
            fmean(periods)
            for periods in zip(*(run.utilisation_by_period for run in runs), strict=True)
        ),
        rollouts=fmean(run.rollouts for run in runs),
        reflections=fmean(run.reflections for run in runs),
        full_evaluations=fmean(run.full_evaluations for run in runs),
        lineage_depth=fmean(run.lineage_depth for run in runs),
        accepted_share=fmean(run.accepted_share for run in runs),
    )


def at_rollouts(curve: Sequence[CurvePoint], rollouts: float) -> float:
    """The true score of what would be given back after so many rollouts."""
    return [point.held_out for point in curve if point.rollouts <= rollouts][-1]


def at_time(curve: Sequence[CurvePoint], at_s: float) -> float:
    """The true score of what would be given back at this moment."""
    return [point.held_out for point in curve if point.at_s <= at_s][-1]
