"""MIPRO behind the Optimizer protocol: routes outcomes to jobs and their work to the asker."""

from collections import Counter
from collections.abc import Mapping

from ray_promptopt.algorithms.ledger import WorkLedger, refuse_misfit
from ray_promptopt.algorithms.mipro.jobs import Evaluation, Job, Round, key_in, key_of
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
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import ConfigError, ConfigProblem
from ray_promptopt.core.work import (
    Decision,
    DecisionKind,
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


class MiproOptimizer:
    """Instructions and demonstrations combined by TPE (arXiv 2406.11695).

    Invariant: unless the search is over, at least one work item is open.
    """

    def __init__(self, settings: MiproSettings, initial: Candidate) -> None:
        if not initial.components:
            problem = ConfigProblem("initial candidate", "{}", "give at least one component")
            raise ConfigError("MIPRO", (problem,))
        self._search = Search(settings, initial)
        self._ledger = WorkLedger()
        self._num_open: Counter[str] = Counter()
        first = self._search.begin()
        if first is not None:
            self._issue(first)
            self._begin_jobs()

    @property
    def discarded(self) -> dict[str, int]:
        """How many proposals were thrown away, by reason."""
        return dict(self._search.tally.discarded)

    def ask(self, capacity: int) -> list[WorkItem]:
        """Up to `capacity` items, oldest first."""
        return self._ledger.take(capacity) if self._search.stop is None else []

    def tell(self, outcome: Outcome) -> list[Decision]:
        """Take an outcome in; the last one of a stage moves its job on.

        Raises ValueError on an id never asked for, a kind that does not fit, or a score that is
        not finite.
        """
        item = self._ledger.find(outcome.work_id)
        if item is None:
            return []
        job = self._job_of(item)
        self._record(job, item, outcome)
        self._ledger.settle(item.work_id)
        self._num_open[key_of(job)] -= 1
        if self._search.stop is not None:
            return []
        decisions = [*self._go_on(job), *self._begin_jobs()]
        if self._search.stop is None and not self._ledger.num_open:
            reason = self._search.finish()
            iteration = self._search.tally.trials
            decisions.append(Decision(DecisionKind.STOPPED, reason, iteration=iteration))
        return decisions

    def _job_of(self, item: WorkItem) -> Job:
        key = key_in(item.work_id)
        jobs: Mapping[int, Job] = (
            self._search.rounds if key.startswith("r") else self._search.evaluations
        )
        return jobs[int(key[1:])]

    def _record(self, job: Job, item: WorkItem, outcome: Outcome) -> None:
        refuse_misfit(item, outcome)
        match item, outcome:
            case _, FailedOutcome():
                record_failure(self._search, job, item, outcome)
            case EvaluateCandidate(), RolloutOutcome():
                record_rollout(self._search, job, item, outcome)
            case ProposeText(), ProposalOutcome():
                record_proposal(self._search, job, outcome)

    def _go_on(self, job: Job) -> list[Decision]:
        """While nothing of the job's stage is open, end the stage and issue what follows."""
        decisions: list[Decision] = []
        key = key_of(job)
        while not self._num_open[key] and self._is_running(job):
            if isinstance(job, Round):
                decisions += end_round_stage(self._search, job)
            else:
                decisions += end_rung(self._search, job)
            self._issue(job)
        if not self._is_known(job):
            del self._num_open[key]
            self._ledger.close(key)
        return decisions

    def _is_known(self, job: Job) -> bool:
        search = self._search
        jobs: Mapping[int, Job] = search.rounds if isinstance(job, Round) else search.evaluations
        return job.number in jobs

    def _is_running(self, job: Job) -> bool:
        return self._search.stop is None and self._is_known(job)

    def _begin_jobs(self) -> list[Decision]:
        """Begin rounds and evaluations while there is room for them."""
        decisions: list[Decision] = []
        while self._search.stop is None:
            job: Job | None = self._search.start_round() or self._search.start_evaluation()
            if job is None:
                break
            if isinstance(job, Evaluation):
                decisions += announce(self._search, job)
            self._issue(job)
            decisions += self._go_on(job)
        return decisions

    def _issue(self, job: Job) -> None:
        if self._is_running(job):
            self._num_open[key_of(job)] += self._ledger.issue(items_of(self._search, job))

    def stop_reason(self) -> str | None:
        """Why the search is over, in words; None while it goes on."""
        return self._search.stop

    def counts(self) -> SearchCounts:
        """Where the search stands."""
        return search_counts(self._search, self._ledger.num_taken)

    def view(self) -> SearchView:
        """The state of the search, for people."""
        return search_view(self._search, self._ledger.num_taken)

    def state_dict(self) -> dict[str, object]:
        """The whole state as JSON-compatible values."""
        return save(self._search, self._ledger.settled)

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Continue from `state_dict()`; items that were handed out unanswered are asked again."""
        self._ledger = WorkLedger(restore(self._search, state))
        self._num_open = Counter()
        jobs: list[Job] = [*self._search.rounds.values(), *self._search.evaluations.values()]
        for job in jobs:
            self._issue(job)
