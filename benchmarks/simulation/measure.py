"""One simulated run reduced to what is compared. The oracle (held-out truth) is asked here only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import numpy as np

from benchmarks.simulation.engine import Call, Record, Searcher, Simulation
from benchmarks.simulation.landscape import Landscape, WorldSettings
from benchmarks.simulation.latency import Latencies
from benchmarks.simulation.schedules import SCHEDULES
from benchmarks.simulation.world import INITIAL, answer
from ray_promptopt.algorithms.gepa import GepaSettings
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import CandidateId
from ray_promptopt.core.work import Purpose, SearchCounts, SearchView, WorkItem

_PERIODS = 10  # the run is cut into so many equal parts for the utilisation over time


@dataclass(frozen=True, slots=True)
class Setup:
    """What all schedules of a comparison share."""

    rollout_budget: int = 640
    max_concurrent: int = 16
    minibatch_size: int = 3
    latencies: Latencies = field(default_factory=Latencies)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """From here on the best candidate by validation has this true held-out score."""

    at_s: float
    rollouts: int
    held_out: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one schedule in one world with one seed."""

    schedule: str
    world: str
    seed: int
    curve: tuple[CurvePoint, ...]
    wall_s: float
    rollouts: int
    reflections: int
    utilisation: float
    """Share of slots that were busy until the last call was sent out."""
    utilisation_by_period: tuple[float, ...]
    """The same in each tenth of the whole run."""
    rollouts_by_purpose: dict[str, int]
    full_evaluations: float
    """Validation rollouts over the size of the validation set."""
    lineage_depth: int
    """Longest way from the initial candidate to the best."""
    accepted_share: float
    decisions: dict[str, int]
    stop_reason: str

    @property
    def held_out(self) -> float:
        """The true score of what the run gives back."""
        return self.curve[-1].held_out


def run_once(
    schedule: str, world: str, settings: WorldSettings, seed: int, setup: Setup
) -> Measured:
    """Simulate one run; equal arguments give equal results."""
    landscape = Landscape(settings, seed)
    searcher = SCHEDULES[schedule](
        GepaSettings(
            train=landscape.train,
            validation=landscape.validation,
            rollout_budget=setup.rollout_budget,
            minibatch_size=setup.minibatch_size,
            rng_seed=seed,
            lanes=LaneSettings(max_concurrent=setup.max_concurrent),
        ),
        INITIAL,
    )
    record = simulate(searcher, landscape, setup)
    view = searcher.view()
    by_purpose = _count_purposes(record.calls)
    reflections = by_purpose.pop(Purpose.REFLECTION, 0)
    validation = by_purpose.get(Purpose.VALIDATION, 0) + by_purpose[Purpose.INITIAL_VALIDATION]
    wall_s = max(call.done_s for call in record.calls)
    last_sent_s = max(call.sent_s for call in record.calls)
    edges = [wall_s * period / _PERIODS for period in range(_PERIODS + 1)]
    busy = partial(utilisation, record.calls, max_concurrent=setup.max_concurrent)
    return Measured(
        schedule=schedule,
        world=world,
        seed=seed,
        curve=_curve(record, view, landscape),
        wall_s=wall_s,
        rollouts=record.rollouts,
        reflections=reflections,
        utilisation=busy(0.0, last_sent_s),
        utilisation_by_period=tuple(busy(start, end) for start, end in pairwise(edges)),
        rollouts_by_purpose=by_purpose,
        full_evaluations=validation / len(landscape.validation),
        lineage_depth=lineage_depth(view),
        accepted_share=_share(view.counts),
        decisions={kind.value: count for kind, count in sorted(record.num_decisions.items())},
        stop_reason=record.stop_reason,
    )


def simulate(searcher: Searcher, landscape: Landscape, setup: Setup) -> Record:
    """Drive a searcher through a landscape to its end."""

    def seconds(item: WorkItem) -> float:
        return setup.latencies.seconds(item, landscape.seed)

    return Simulation(
        searcher,
        partial(answer, landscape),
        seconds,
        max_concurrent=setup.max_concurrent,
        rollout_budget=setup.rollout_budget,
    ).run()


def utilisation(
    calls: Sequence[Call], start_s: float, end_s: float, *, max_concurrent: int
) -> float:
    """Share of slot seconds in this span of time that a call was in flight."""
    if end_s <= start_s:
        return 1.0
    sent = np.array([call.sent_s for call in calls])
    done = np.array([call.done_s for call in calls])
    busy_s = np.clip(np.minimum(done, end_s) - np.maximum(sent, start_s), 0.0, None).sum()
    return float(busy_s) / ((end_s - start_s) * max_concurrent)


def lineage_depth(view: SearchView) -> int:
    """The longest way from the initial candidate to the best one, in edits."""
    depths: dict[CandidateId, int] = {}
    for summary in view.candidates:
        parents = [depths[parent] + 1 for parent in summary.parents]
        depths[summary.candidate.id] = max(parents, default=0)
    return depths[view.counts.best]


def _curve(record: Record, view: SearchView, landscape: Landscape) -> tuple[CurvePoint, ...]:
    """The initial candidate first. What the view says is best at the end has the last word."""

    def truth(candidate: Candidate) -> float:
        return landscape.held_out_score(text for _, text in candidate.components)

    points = [CurvePoint(0.0, 0, truth(INITIAL))]
    points += [CurvePoint(b.at_s, b.rollouts, truth(b.candidate)) for b in record.bests]
    (best,) = {s.candidate for s in view.candidates if s.candidate.id == view.counts.best}
    points.append(CurvePoint(record.calls[-1].done_s, record.rollouts, truth(best)))
    return tuple(points)


def _share(counts: SearchCounts) -> float:
    """Accepted children among the judged ones."""
    return counts.accepted / max(1, counts.accepted + counts.rejected)


def _count_purposes(calls: Sequence[Call]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for call in calls:
        counts[call.purpose.value] = counts.get(call.purpose.value, 0) + 1
    return counts
