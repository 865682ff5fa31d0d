"""GEPA behind the Optimizer protocol: one mutation after the other as a job."""

from collections.abc import Mapping, Sequence

from ray_promptopt.algorithms.gepa.mutation import Mutation
from ray_promptopt.algorithms.gepa.rules import announce, end_stage
from ray_promptopt.algorithms.gepa.search import Search
from ray_promptopt.algorithms.gepa.settings import GepaSettings
from ray_promptopt.algorithms.gepa.state import restore, save
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


class GepaOptimizer(StagedOptimizer[Search, Mutation]):
    """Reflective evolution over a Pareto front (arXiv 2507.19457), schedule `reference`."""

    format = "gepa-reference-1"

    def __init__(self, settings: GepaSettings, initial: Candidate) -> None:
        super().__init__(Search(settings, initial))

    def counts(self) -> SearchCounts:
        """Where the search stands."""
        return search_counts(self._search, self._ledger.num_taken)

    def view(self) -> SearchView:
        """The state of the search, for people."""
        return search_view(self._search, self._ledger.num_taken)

    def _start_job(self) -> Mutation | None:
        return None if self._ledger.num_open else self._search.start_next()

    def _announce(self, job: Mutation) -> list[Decision]:
        return announce(self._search)

    def _items(self, job: Mutation) -> Sequence[WorkItem]:
        return self._search.items()

    def _end_stage(self, job: Mutation) -> list[Decision]:
        return end_stage(self._search)

    def _record_rollout(
        self, job: Mutation, item: EvaluateCandidate, outcome: RolloutOutcome
    ) -> None:
        self._search.record_rollout(item, outcome)

    def _record_proposal(self, job: Mutation, outcome: ProposalOutcome) -> None:
        self._search.record_proposal(outcome)

    def _record_failure(self, job: Mutation, item: WorkItem, outcome: FailedOutcome) -> None:
        self._search.record_failure(item, outcome)

    def _save(self) -> dict[str, object]:
        return save(self._search)

    def _restore(self, saved: Mapping[str, object]) -> list[Mutation]:
        restore(self._search, saved)
        return [] if self._search.mutation.is_done else [self._search.mutation]
