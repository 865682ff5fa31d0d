"""MIPRO behind the Optimizer protocol: rounds of proposals and evaluations as jobs."""

from collections.abc import Mapping, Sequence

from ray_promptopt.algorithms.mipro.jobs import Evaluation, Job, Round
from ray_promptopt.algorithms.mipro.rules import announce, end_round_stage, end_rung
from ray_promptopt.algorithms.mipro.search import Search
from ray_promptopt.algorithms.mipro.settings import MiproSettings
from ray_promptopt.algorithms.mipro.state import restore, save
from ray_promptopt.algorithms.mipro.view import search_counts, search_view
from ray_promptopt.algorithms.mipro.work import (
    items_of,
    record_failure,
    record_proposal,
    record_rollout,
)
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


class MiproOptimizer(StagedOptimizer[Search, Job]):
    """Instructions and demonstrations combined by TPE (arXiv 2406.11695)."""

    format = "mipro-1"

    def __init__(self, settings: MiproSettings, initial: Candidate) -> None:
        super().__init__(Search(settings, initial))

    def counts(self) -> SearchCounts:
        """Where the search stands."""
        return search_counts(self._search, self._ledger.num_taken)

    def view(self) -> SearchView:
        """The state of the search, for people."""
        return search_view(self._search, self._ledger.num_taken)

    def _start_job(self) -> Job | None:
        return self._search.start_job()

    def _announce(self, job: Job) -> list[Decision]:
        return announce(self._search, job) if isinstance(job, Evaluation) else []

    def _items(self, job: Job) -> Sequence[WorkItem]:
        return items_of(self._search, job)

    def _end_stage(self, job: Job) -> list[Decision]:
        if isinstance(job, Round):
            return end_round_stage(self._search, job)
        return end_rung(self._search, job)

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
        return [*self._search.rounds.values(), *self._search.evaluations.values()]
