"""The open work in the order in which it is worth doing.

First what a model writes (it takes longest, and costs no rollout), then the shards of the oldest
evaluation, then gates, then rollouts of parents, then the evaluations that began later.
"""

from collections.abc import Iterable

from ray_promptopt.algorithms.ledger import WorkLedger
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.work import Purpose, WorkItem

_OLDEST_EVALUATION = 1
_CLASS: dict[Purpose, int] = {
    Purpose.REFLECTION: 0,
    Purpose.CHILD_MINIBATCH: 2,
    Purpose.MERGE_GATE: 2,
    Purpose.PARENT_MINIBATCH: 3,
    Purpose.VALIDATION: 4,
    Purpose.INITIAL_VALIDATION: 4,
}
_EVALUATION = _CLASS[Purpose.VALIDATION]


class RankedLedger(WorkLedger):
    """A ledger that hands out the most valuable work first; within a stage, the oldest."""

    def __init__(self, settled: Iterable[WorkId] = ()) -> None:
        super().__init__(settled)
        self._stages: dict[str, dict[WorkId, WorkItem]] = {}

    def issue(self, items: Iterable[WorkItem]) -> int:
        """See `WorkLedger`."""
        new = list(items)
        added = super().issue(new)
        for item in new:
            if item.work_id in self._ready:
                self._stages.setdefault(_stage_of(item.work_id), {})[item.work_id] = item
        return added

    def take(self, capacity: int) -> list[WorkItem]:
        """Hand out up to `capacity` items, the most valuable first."""
        chosen: list[WorkItem] = []
        for stage in self._in_order():
            waiting = self._stages[stage]
            while waiting and len(chosen) < capacity:
                work_id = next(iter(waiting))
                chosen.append(waiting.pop(work_id))
                self._ready.pop(work_id)
            if not waiting:
                del self._stages[stage]
            if len(chosen) >= capacity:
                break
        self._taken.update((item.work_id, item) for item in chosen)
        return chosen

    def settle(self, work_id: WorkId) -> None:
        """See `WorkLedger`."""
        super().settle(work_id)
        waiting = self._stages.get(_stage_of(work_id))
        if waiting is not None:
            waiting.pop(work_id, None)
            if not waiting:
                del self._stages[_stage_of(work_id)]

    def _in_order(self) -> list[str]:
        ranks = {
            stage: _CLASS[next(iter(waiting.values())).purpose]
            for stage, waiting in self._stages.items()
        }
        evaluations = [stage for stage, rank in ranks.items() if rank == _EVALUATION]
        if evaluations:
            ranks[min(evaluations, key=_number_of)] = _OLDEST_EVALUATION
        return sorted(ranks, key=ranks.__getitem__)


def _stage_of(work_id: WorkId) -> str:
    job, stage, _ = work_id.split(".", 2)
    return f"{job}.{stage}"


def _number_of(stage: str) -> int:
    return int(stage.partition(".")[0][1:])
