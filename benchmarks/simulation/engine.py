"""The discrete-event loop: simulated time, a bounded number of slots, and one optimizer.

It asks and tells as `runs/search.py` does: for as many items as slots are free, whenever one is
free; outcomes are told in the order of their completion.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import (
    Decision,
    DecisionKind,
    EvaluateCandidate,
    Outcome,
    Purpose,
    SearchView,
    WorkItem,
)


class Searcher(Protocol):
    """The part of the Optimizer protocol that drives a search."""

    def ask(self, capacity: int) -> list[WorkItem]:
        """Up to `capacity` items that are ready."""
        ...

    def tell(self, outcome: Outcome) -> list[Decision]:
        """Take an outcome in."""
        ...

    def stop_reason(self) -> str | None:
        """Why the search is over; None while it goes on."""
        ...

    def view(self) -> SearchView:
        """The state of the search."""
        ...


class SimulationError(RuntimeError):
    """The optimizer broke its contract: it overspent, or left the run with nothing to do."""


class Call(NamedTuple):
    """One finished call, in simulated seconds."""

    sent_s: float
    done_s: float
    purpose: Purpose


class BestChange(NamedTuple):
    """From now on this candidate is the best by validation."""

    at_s: float
    rollouts: int
    candidate: Candidate


@dataclass(slots=True)
class Record:
    """Everything that happened in one simulated run."""

    calls: list[Call] = field(default_factory=list)
    bests: list[BestChange] = field(default_factory=list)
    rollouts: int = 0
    num_decisions: dict[DecisionKind, int] = field(default_factory=dict)
    stop_reason: str = ""


class Simulation:
    """One run. `answer` gives an item's outcome and `seconds` its duration; both are pure."""

    def __init__(
        self,
        searcher: Searcher,
        answer: Callable[[WorkItem, float], Outcome],
        seconds: Callable[[WorkItem], float],
        *,
        max_concurrent: int,
        rollout_budget: int,
    ) -> None:
        self.record = Record()
        self.now_s = 0.0
        self._searcher = searcher
        self._answer = answer
        self._seconds = seconds
        self._max_concurrent = max_concurrent
        self._rollout_budget = rollout_budget
        self._sent_rollouts = 0
        self._num_sent = 0
        self._in_flight: list[tuple[float, int, float, WorkItem]] = []

    def run(self) -> Record:
        """To the end of the search. Raises SimulationError when the optimizer misbehaves."""
        self._fill()
        while self._in_flight:
            self._take_home()
            self._fill()
        reason = self._searcher.stop_reason()
        if reason is None:
            raise SimulationError(f"at {self.now_s:.1f} s nothing is in flight and nothing asked")
        self.record.stop_reason = reason
        return self.record

    def _fill(self) -> None:
        while (free := self._max_concurrent - len(self._in_flight)) > 0:
            items = self._searcher.ask(free)
            if len(items) > free:
                raise SimulationError(f"asked for up to {free} items, got {len(items)}")
            if not items:
                return
            for item in items:
                self._send(item)

    def _send(self, item: WorkItem) -> None:
        if isinstance(item, EvaluateCandidate):
            self._sent_rollouts += 1
            if self._sent_rollouts > self._rollout_budget:
                raise SimulationError(f"{item.work_id!r} overspends {self._rollout_budget}")
        done_s = self.now_s + self._seconds(item)
        heapq.heappush(self._in_flight, (done_s, self._num_sent, self.now_s, item))
        self._num_sent += 1

    def _take_home(self) -> None:
        self.now_s, _, sent_s, item = heapq.heappop(self._in_flight)
        record = self.record
        record.calls.append(Call(sent_s, self.now_s, item.purpose))
        record.rollouts += isinstance(item, EvaluateCandidate)
        for decision in self._searcher.tell(self._answer(item, self.now_s - sent_s)):
            record.num_decisions[decision.kind] = record.num_decisions.get(decision.kind, 0) + 1
            if decision.kind is DecisionKind.NEW_BEST and decision.candidate is not None:
                record.bests.append(BestChange(self.now_s, record.rollouts, decision.candidate))
