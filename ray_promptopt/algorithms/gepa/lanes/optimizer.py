"""The asynchronous GEPA behind the Optimizer protocol: lanes and landings as jobs."""

from collections.abc import Mapping, Sequence

from ray_promptopt.algorithms.gepa.lanes.jobs import Job, Lane
from ray_promptopt.algorithms.gepa.lanes.landing_rules import (
    end_landing_stage,
    landing_items,
    widen,
)
from ray_promptopt.algorithms.gepa.lanes.lane_rules import end_lane_stage, lane_items
from ray_promptopt.algorithms.gepa.lanes.queue import RankedLedger
from ray_promptopt.algorithms.gepa.lanes.recording import (
    record_failure,
    record_proposal,
    record_rollout,
)
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.lanes.state import restore, save
from ray_promptopt.algorithms.gepa.settings import GepaSettings
from ray_promptopt.algorithms.gepa.view import search_counts, search_view
from ray_promptopt.algorithms.staged import StagedOptimizer
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import (
    Decision,
    EvaluateCandidate,
    FailedOutcome,
    ProposalOutcome,
    RolloutOutcome,
    SearchCounts,
    SearchView,
    WorkItem,
)


class AsyncGepaOptimizer(StagedOptimizer[LaneSearch, Job]):
    """Reflective evolution in lanes and landings, schedule `async` (docs/gepa.md)."""

    format = "gepa-async-1"
    ledger_type = RankedLedger

    def __init__(self, settings: GepaSettings, initial: Candidate) -> None:
        super().__init__(LaneSearch(settings, initial))

    def counts(self) -> SearchCounts:
        """Where the search stands."""
        return search_counts(self._search, self._ledger.num_taken)

    def view(self) -> SearchView:
        """The state of the search, for people."""
        return search_view(self._search, self._ledger.num_taken)

    def _start_job(self) -> Job | None:
        return self._search.start_job(self._ledger.num_open)

    def _items(self, job: Job) -> Sequence[WorkItem]:
        if isinstance(job, Lane):
            return lane_items(self._search, job)
        return landing_items(self._search, job)

    def _more(self, job: Job) -> Sequence[WorkItem]:
        return () if isinstance(job, Lane) else widen(self._search, job)

    def _end_stage(self, job: Job) -> list[Decision]:
        if isinstance(job, Lane):
            return end_lane_stage(self._search, job)
        return end_landing_stage(self._search, job)

    def _record_rollout(self, job: Job, item: EvaluateCandidate, outcome: RolloutOutcome) -> None:
        record_rollout(self._search, job, item, outcome)

    def _record_proposal(self, job: Job, outcome: ProposalOutcome) -> None:
        record_proposal(self._search, job, outcome)

    def _record_failure(self, job: Job, item: WorkItem, outcome: FailedOutcome) -> None:
        record_failure(self._search, job, item, outcome)

    def _save(self) -> dict[str, object]:
        return save(self._search)

    def _restore(self, saved: Mapping[str, object]) -> list[Job]:
        restore(self._search, saved)
        return [*self._search.lanes.values(), *self._search.landings.values()]
