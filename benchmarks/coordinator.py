"""What the search itself costs per event, beside models and task app: `make bench-coordinator`.

A fake world answers at once, and CPU time is counted, so that other work on the machine does not
matter. Every candidate is accepted until the population has its size; then iterations that reject
and that accept are timed apart.
Where the `gepa` package is installed (`pip install -e '.[bench]'`), so are its iterations.
"""

import json
import multiprocessing
import platform
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.coordinator_cost import NUM_TIMED, Cost, peak_mb, scores_of
from benchmarks.coordinator_reference import measure_reference
from ray_promptopt.algorithms.base import Optimizer
from ray_promptopt.algorithms.gepa import AsyncGepaOptimizer, GepaOptimizer, GepaSettings
from ray_promptopt.algorithms.gepa.fronts import FrontType
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.usage import Spend
from ray_promptopt.core.work import (
    DecisionKind,
    EvaluateCandidate,
    Evidence,
    Outcome,
    ProposalOutcome,
    ProposeText,
    Purpose,
    RolloutOutcome,
    WorkItem,
)

_OUTPUT = Path(__file__).parent / "results" / "coordinator.json"
_EVIDENCE = Evidence("inputs", "output", "feedback")
_CAPACITY = 64
_FRONTS: tuple[FrontType, ...] = ("instance", "cartesian")  # the default, and the dearest


class InstantWorld:
    """Answers at once; reflections only number the candidates, which decides their scores."""

    def __init__(self, num_examples: int) -> None:
        self.accepting = True
        self._num_examples = num_examples
        self._num_proposed = 0
        self._row: tuple[int, Sequence[float]] = (-1, ())

    def answer(self, item: WorkItem) -> Outcome:
        """What the world says to this work item."""
        if isinstance(item, ProposeText):
            self._num_proposed += 1
            return ProposalOutcome(item.work_id, f"```\ncandidate {self._num_proposed}\n```")
        if item.purpose is Purpose.PARENT_MINIBATCH:
            return RolloutOutcome(item.work_id, 0.5, _EVIDENCE)
        if item.purpose is Purpose.CHILD_MINIBATCH:
            return RolloutOutcome(item.work_id, float(self.accepting), _EVIDENCE)
        return self._validated(item)

    def _validated(self, item: EvaluateCandidate) -> RolloutOutcome:
        """What is right is dearer than what is wrong, so that the objectives pull apart."""
        number = int(item.candidate.texts["instruction"].split()[-1])
        if self._row[0] != number:
            self._row = (number, scores_of(number, self._num_examples))
        score = self._row[1][item.example.seed]
        spend = Spend(cost_usd=0.001 * (1 + score), calls=1)
        return RolloutOutcome(item.work_id, score, _EVIDENCE, spend, latency_s=0.1)


class Driven:
    """One optimizer in its world; `spent_s` is the CPU time inside the optimizer alone."""

    def __init__(
        self, front: FrontType, num_examples: int, make: Callable[..., Optimizer] = GepaOptimizer
    ) -> None:
        several = front != "instance"
        settings = GepaSettings(
            train=tuple(range(100)),
            validation=tuple(range(num_examples)),
            rollout_budget=10**9,
            front=front,
            objectives=("reward", "prompt_tokens", "cost", "latency") if several else ("reward",),
        )
        self.world = InstantWorld(num_examples)
        self.optimizer = make(settings, Candidate.of({"instruction": "candidate 0"}))
        self._waiting: deque[WorkItem] = deque()
        self.num_events = 0
        self.spent_s = 0.0

    def until(self, kind: DecisionKind) -> float:
        """Go on to the next decision of this kind; the seconds it took."""
        before_s = self.spent_s
        while True:
            if not self._waiting:
                started_s = time.process_time()
                self._waiting.extend(self.optimizer.ask(_CAPACITY))
                self.spent_s += time.process_time() - started_s
            while self._waiting:
                if kind in self._tell(self.world.answer(self._waiting.popleft())):
                    return self.spent_s - before_s

    def _tell(self, outcome: Outcome) -> set[DecisionKind]:
        started_s = time.process_time()
        kinds = {decision.kind for decision in self.optimizer.tell(outcome)}
        if DecisionKind.CANDIDATE_SCORED in kinds:
            self.optimizer.counts()  # as the coordinator does for the progress display
        self.spent_s += time.process_time() - started_s
        self.num_events += 1
        return kinds


def measure(front: FrontType, num_candidates: int, num_examples: int) -> Cost:
    """Grow a population to its size, then time single iterations."""
    before_mb = peak_mb()
    driven = Driven(front, num_examples)
    for _ in range(num_candidates):
        driven.until(DecisionKind.CANDIDATE_SCORED)
    event_us = 1e6 * driven.spent_s / driven.num_events
    accepted_s = [driven.until(DecisionKind.CANDIDATE_SCORED) for _ in range(NUM_TIMED)]
    driven.world.accepting = False
    driven.until(DecisionKind.CANDIDATE_REJECTED)
    rejected_s = [driven.until(DecisionKind.CANDIDATE_REJECTED) for _ in range(NUM_TIMED)]
    return Cost(
        name=f"ray_promptopt, {front} fronts",
        candidates=num_candidates,
        examples=num_examples,
        event_us=event_us,
        rejected_ms=1e3 * statistics.median(rejected_s),
        accepted_ms=1e3 * statistics.median(accepted_s),
        grown_mb=peak_mb() - before_mb,
        front_size=len(driven.optimizer.counts().front),
    )


def measure_async(num_candidates: int, num_examples: int) -> Cost:
    """The same growth in schedule `async`, whose lanes and landings have no iterations to time."""
    before_mb = peak_mb()
    driven = Driven("instance", num_examples, AsyncGepaOptimizer)
    for _ in range(num_candidates):
        driven.until(DecisionKind.CANDIDATE_SCORED)
    return Cost(
        name="ray_promptopt, async",
        candidates=num_candidates,
        examples=num_examples,
        event_us=1e6 * driven.spent_s / driven.num_events,
        rejected_ms=None,
        accepted_ms=None,
        grown_mb=peak_mb() - before_mb,
        front_size=len(driven.optimizer.counts().front),
    )


@click.command()
@click.option(
    "--size",
    "sizes",
    type=(int, int),
    multiple=True,
    default=((100, 100), (300, 300), (1000, 1000)),
    show_default=True,
    help="Candidates and examples.",
)
@click.option("--output", type=click.Path(path_type=Path), default=_OUTPUT, show_default=True)
def main(sizes: Sequence[tuple[int, int]], output: Path) -> None:
    """Each size in a process of its own, so that memory is its own."""
    costs: list[Cost] = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
        for candidates, examples in sizes:
            for front in _FRONTS:
                costs.append(pool.submit(measure, front, candidates, examples).result())
            costs.append(pool.submit(measure_async, candidates, examples).result())
            if find_spec("gepa") is not None:
                costs.append(pool.submit(measure_reference, candidates, examples).result())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(_record(costs), indent=2) + "\n")
    _print(costs)


def _record(costs: Sequence[Cost]) -> dict[str, object]:
    packages = ["numpy", *(["gepa"] if find_spec("gepa") is not None else [])]
    return {
        "benchmark": "coordinator",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "iterations_timed": NUM_TIMED,
        "costs": [asdict(cost) for cost in costs],
    }


def _print(costs: Sequence[Cost]) -> None:
    table = Table(
        "", "size", "us per event", "rejected ms", "accepted ms", "saving ms", "MB", "on front"
    )
    for cost in costs:
        table.add_row(
            cost.name,
            f"{cost.candidates} x {cost.examples}",
            "" if cost.event_us is None else f"{cost.event_us:.1f}",
            "" if cost.rejected_ms is None else f"{cost.rejected_ms:.2f}",
            "" if cost.accepted_ms is None else f"{cost.accepted_ms:.2f}",
            "" if cost.saving_ms is None else f"{cost.saving_ms:.0f}",
            f"{cost.grown_mb:.0f}",
            str(cost.front_size),
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
