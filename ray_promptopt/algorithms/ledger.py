"""Which work items wait, which were handed out, and which were answered. Used by every algorithm.

Each id goes one way: issued, taken, settled. Settling it again is recognised and changes nothing.
What stands before the first dot of an id is the job it belongs to. A job that ended is closed:
its ids are then known by the job alone, so that memory does not grow with every rollout.
"""

import math
from collections.abc import Iterable
from itertools import islice

from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.work import (
    EvaluateCandidate,
    FailedOutcome,
    Outcome,
    ProposalOutcome,
    ProposeText,
    RolloutOutcome,
    WorkItem,
)

_ALL = "*"


class WorkLedger:
    """The open work of one optimizer, in the order in which it was issued."""

    def __init__(self, settled: Iterable[WorkId] = ()) -> None:
        self._ready: dict[WorkId, WorkItem] = {}
        self._taken: dict[WorkId, WorkItem] = {}
        self._settled: dict[str, set[WorkId]] = {}
        self._closed: set[str] = set()
        for work_id in settled:
            job, _, what = work_id.partition(".")
            if what == _ALL:
                self._closed.add(job)
            else:
                self._settled.setdefault(job, set()).add(work_id)

    @property
    def num_open(self) -> int:
        """Items issued and not yet settled."""
        return len(self._ready) + len(self._taken)

    @property
    def num_taken(self) -> int:
        """Items handed out and not yet settled."""
        return len(self._taken)

    @property
    def settled(self) -> tuple[WorkId, ...]:
        """Every id that was answered, sorted; for a closed job `job.*`."""
        closed = {WorkId(f"{job}.{_ALL}") for job in self._closed}
        return tuple(sorted(closed.union(*self._settled.values())))

    def issue(self, items: Iterable[WorkItem]) -> int:
        """Add items, leaving out those already settled; how many were added.

        Raises ValueError on an id in use.
        """
        before = len(self._ready)
        for item in items:
            if item.work_id in self._ready or item.work_id in self._taken:
                raise ValueError(f"work id {item.work_id!r} was issued twice; ids must be unique")
            if not self._is_settled(item.work_id):
                self._ready[item.work_id] = item
        return len(self._ready) - before

    def take(self, capacity: int) -> list[WorkItem]:
        """Hand out up to `capacity` items, oldest first."""
        ids = list(islice(self._ready, max(0, capacity)))
        items = [self._ready.pop(work_id) for work_id in ids]
        self._taken.update((item.work_id, item) for item in items)
        return items

    def find(self, work_id: WorkId) -> WorkItem | None:
        """The open item of this id; None when it is settled.

        Raises ValueError when the id was never issued. An item that was not handed out yet is
        open too: that is how a journal is replayed.
        """
        item = self._taken.get(work_id) or self._ready.get(work_id)
        if item is None and not self._is_settled(work_id):
            raise ValueError(
                f"outcome for work id {work_id!r}, which was never asked for; "
                "tell an optimizer only what itself or its replayed journal asked"
            )
        return item

    def settle(self, work_id: WorkId) -> None:
        """Close an open item."""
        self._ready.pop(work_id, None)
        self._taken.pop(work_id, None)
        self._settled.setdefault(job_of(work_id), set()).add(work_id)

    def close(self, job: str) -> None:
        """All work of this job is settled, and none will follow."""
        self._settled.pop(job, None)
        self._closed.add(job)

    def _is_settled(self, work_id: WorkId) -> bool:
        job = job_of(work_id)
        return job in self._closed or work_id in self._settled.get(job, ())


def refuse_misfit(item: WorkItem, outcome: Outcome) -> None:
    """Raises ValueError when the outcome is of another kind than the item, or its score is not
    finite. A failure fits every item."""
    match item, outcome:
        case (_, FailedOutcome()) | (ProposeText(), ProposalOutcome()):
            return
        case EvaluateCandidate(), RolloutOutcome(score=score):
            if not math.isfinite(score):
                raise ValueError(f"score of {item.work_id!r} is {score}; it must be finite")
        case _:
            raise ValueError(
                f"{type(outcome).__name__} does not answer {item.work_id!r}, "
                f"which is {type(item).__name__}"
            )


def job_of(work_id: WorkId) -> str:
    """The job that a work id belongs to."""
    return work_id.partition(".")[0]
