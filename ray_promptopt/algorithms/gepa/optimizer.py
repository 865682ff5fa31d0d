"""GEPA behind the Optimizer protocol: routes outcomes to the search and its work to the asker."""

from collections.abc import Mapping

from ray_promptopt.algorithms.gepa.mutation import job_name
from ray_promptopt.algorithms.gepa.rules import end_stage
from ray_promptopt.algorithms.gepa.search import Search
from ray_promptopt.algorithms.gepa.settings import GepaSettings
from ray_promptopt.algorithms.gepa.state import restore, save
from ray_promptopt.algorithms.gepa.view import search_counts, search_view
from ray_promptopt.algorithms.ledger import WorkLedger, refuse_misfit
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import ConfigError, ConfigProblem
from ray_promptopt.core.work import (
    Decision,
    EvaluateCandidate,
    FailedOutcome,
    Outcome,
    ProposalOutcome,
    ProposeText,
    RolloutOutcome,
    SearchCounts,
    SearchView,
    WorkItem,
)


class GepaOptimizer:
    """Reflective evolution over a Pareto front (arXiv 2507.19457), schedule `reference`.

    Invariant: unless the search is over, at least one work item is open.
    """

    def __init__(self, settings: GepaSettings, initial: Candidate) -> None:
        if not initial.components:
            problem = ConfigProblem("initial candidate", "{}", "give at least one component")
            raise ConfigError("GEPA", (problem,))
        self._search = Search(settings, initial)
        self._ledger = WorkLedger()
        self._ledger.issue(self._search.items())

    @property
    def discarded(self) -> dict[str, int]:
        """How many reflections and proposals were thrown away, by reason."""
        return dict(self._search.tally.discarded)

    def ask(self, capacity: int) -> list[WorkItem]:
        """Up to `capacity` items of the present stage."""
        return self._ledger.take(capacity)

    def tell(self, outcome: Outcome) -> list[Decision]:
        """Take an outcome in; the last one of a stage moves the search on.

        Raises ValueError on an id never asked for, a kind that does not fit, or a score that is
        not finite.
        """
        item = self._ledger.find(outcome.work_id)
        if item is None:
            return []
        self._record(item, outcome)
        self._ledger.settle(item.work_id)
        if self._ledger.num_open:
            return []
        iteration = self._search.mutation.iteration
        decisions = end_stage(self._search)
        if self._search.mutation.iteration != iteration:
            self._ledger.close(job_name(iteration))
        self._ledger.issue(self._search.items())
        return decisions

    def _record(self, item: WorkItem, outcome: Outcome) -> None:
        refuse_misfit(item, outcome)
        match item, outcome:
            case _, FailedOutcome():
                self._search.record_failure(item, outcome)
            case EvaluateCandidate(), RolloutOutcome():
                self._search.record_rollout(item, outcome)
            case ProposeText(), ProposalOutcome():
                self._search.record_proposal(outcome)

    def stop_reason(self) -> str | None:
        """Why the search is over, in words; None while it goes on."""
        return self._search.stop

    def counts(self) -> SearchCounts:
        """Where the search stands."""
        search = self._search
        return search_counts(
            search.population,
            search.initial,
            search.tally,
            iteration=search.mutation.iteration,
            in_flight=self._ledger.num_taken,
            rollouts_used=int(search.budget.spent),
        )

    def view(self) -> SearchView:
        """The state of the search, for people."""
        return search_view(self._search.population, self._search.initial, self.counts())

    def state_dict(self) -> dict[str, object]:
        """The whole state as JSON-compatible values."""
        return save(self._search, self._ledger.settled)

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Continue from `state_dict()`; items that were handed out unanswered are asked again."""
        settled = restore(self._search, state)
        self._ledger = WorkLedger(settled)
        self._ledger.issue(self._search.items())
