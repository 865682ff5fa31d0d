"""The driving loop of every algorithm: work comes from jobs, and a job goes through stages.

A job (a mutation, a lane, a trial, …) is a row with a stage. The work of a stage is issued when the
stage is entered, and the stage ends when all of it is settled. What a stage needs, what follows
upon its end and which job begins next is the algorithm's, in the methods that a subclass gives.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

from pydantic import ValidationError

from ray_promptopt.algorithms.ledger import WorkLedger, job_of, refuse_misfit
from ray_promptopt.algorithms.saved_state import RunState, read_state, write_state
from ray_promptopt.core.errors import ConfigError, ConfigProblem, JournalError
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


class Job(Protocol):
    """One thing in flight: plain data, from which the work of its stage can be made again."""

    reserved: int

    @property
    def key(self) -> str:
        """What its work ids begin with, before the first dot. No two jobs share one."""
        ...

    @property
    def is_done(self) -> bool:
        """Whether its last stage has ended."""
        ...


class Tally(Protocol):
    """What is counted over a whole search."""

    discarded: dict[str, int]


class SearchState(RunState, Protocol):
    """The state of a search, whatever its algorithm."""

    @property
    def tally(self) -> Tally: ...

    @property
    def iteration(self) -> int:
        """How far the search is, in the algorithm's own unit."""
        ...

    def reason_to_end(self) -> str:
        """Why nothing can begin although nothing is open."""
        ...


SearchT = TypeVar("SearchT", bound=SearchState)
JobT = TypeVar("JobT", bound=Job)


class StagedOptimizer(ABC, Generic[SearchT, JobT]):
    """The Optimizer protocol over the state of a search and the rules of an algorithm.

    Invariant: unless the search is over, at least one work item is open. Once it is over, what is
    still answered is noted and paid for, and nothing follows from it.
    """

    format: ClassVar[str]
    """Names the algorithm and the version of its saved state."""
    ledger_type: ClassVar[type[WorkLedger]] = WorkLedger
    """Decides the order in which open work is handed out."""

    def __init__(self, search: SearchT) -> None:
        if not search.initial.components:
            problem = ConfigProblem("initial candidate", "{}", "give at least one component")
            raise ConfigError("search", (problem,))
        self._search = search
        self._ledger = self.ledger_type()
        self._jobs: dict[str, JobT] = {}
        self._num_open: Counter[str] = Counter()
        self._begin_jobs()

    @property
    def discarded(self) -> dict[str, int]:
        """How many proposals were thrown away, by reason."""
        return dict(self._search.tally.discarded)

    def ask(self, capacity: int) -> list[WorkItem]:
        """Up to `capacity` items that are ready, in the ledger's order."""
        return self._ledger.take(capacity) if self._search.stop is None else []

    def tell(self, outcome: Outcome) -> list[Decision]:
        """Take an outcome in; the last one of a stage moves its job on.

        Raises ValueError on an id never asked for, a kind that does not fit, or a score that is
        not finite.
        """
        item = self._ledger.find(outcome.work_id)
        if item is None:
            return []
        refuse_misfit(item, outcome)
        job = self._jobs[job_of(item.work_id)]
        self._record(job, item, outcome)
        self._ledger.settle(item.work_id)
        self._num_open[job.key] -= 1
        if self._search.stop is not None:
            return []
        self._issue(job, self._more(job))
        decisions = [*self._go_on(job), *self._begin_jobs()]
        if self._search.stop is None and not self._ledger.num_open:
            reason = self._search.stop = self._search.reason_to_end()
            iteration = self._search.iteration
            decisions.append(Decision(DecisionKind.STOPPED, reason, iteration=iteration))
        return decisions

    def _record(self, job: JobT, item: WorkItem, outcome: Outcome) -> None:
        match item, outcome:
            case _, FailedOutcome():
                self._record_failure(job, item, outcome)
            case EvaluateCandidate(), RolloutOutcome():
                self._record_rollout(job, item, outcome)
            case ProposeText(), ProposalOutcome():
                self._record_proposal(job, outcome)

    def _go_on(self, job: JobT) -> list[Decision]:
        """While nothing of the job's stage is open, end the stage and issue what follows."""
        decisions: list[Decision] = []
        while self._search.stop is None and not job.is_done and not self._num_open[job.key]:
            decisions += self._end_stage(job)
            self._issue_stage(job)
        if job.is_done:
            del self._jobs[job.key], self._num_open[job.key]
            self._ledger.close(job.key)
        return decisions

    def _begin_jobs(self) -> list[Decision]:
        """Begin jobs while there is room for them."""
        decisions: list[Decision] = []
        while self._search.stop is None:
            job = self._start_job()
            if job is None:
                break
            decisions += self._announce(job)
            self._hold(job)
            decisions += self._go_on(job)
        return decisions

    def _hold(self, job: JobT) -> None:
        self._jobs[job.key] = job
        self._issue_stage(job)

    def _issue_stage(self, job: JobT) -> None:
        if self._search.stop is None and not job.is_done:
            self._issue(job, self._items(job))

    def _issue(self, job: JobT, items: Iterable[WorkItem]) -> None:
        self._num_open[job.key] += self._ledger.issue(items)

    def stop_reason(self) -> str | None:
        """Why the search is over, in words; None while it goes on."""
        return self._search.stop

    def state_dict(self) -> dict[str, object]:
        """The whole state as JSON-compatible values."""
        return write_state(self.format, self._search, self._ledger.settled, self._save())

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Continue from `state_dict()`; items that were handed out unanswered are asked again.

        Raises JournalError when the state is damaged or of another run.
        """
        search = self._search
        try:
            saved = read_state(self.format, search, state)
            jobs = self._restore(saved.search)
        except ValidationError as error:
            raise JournalError(f"saved {self.format} state cannot be read: {error}") from error
        search.stop = saved.stop
        search.budget.spent = saved.rollouts_used
        search.budget.reserved = sum(job.reserved for job in jobs)
        self._ledger = self.ledger_type(saved.settled)
        self._jobs, self._num_open = {}, Counter()
        for job in jobs:
            self._hold(job)

    # --- what an algorithm gives -----------------------------------------------------------

    @abstractmethod
    def counts(self) -> SearchCounts:
        """Where the search stands."""

    @abstractmethod
    def view(self) -> SearchView:
        """The state of the search, for people."""

    @abstractmethod
    def _start_job(self) -> JobT | None:
        """The next job, its worst case reserved; None when none can begin now. It may end the
        search instead."""

    def _announce(self, job: JobT) -> list[Decision]:
        """What there is to say of a job that begins."""
        return []

    @abstractmethod
    def _items(self, job: JobT) -> Sequence[WorkItem]:
        """All work of the job's present stage; what is settled may be among it."""

    def _more(self, job: JobT) -> Sequence[WorkItem]:
        """What an answer gives rise to before its stage has ended."""
        return ()

    @abstractmethod
    def _end_stage(self, job: JobT) -> list[Decision]:
        """All work of the present stage is settled: enter the next one, or be done."""

    @abstractmethod
    def _record_rollout(self, job: JobT, item: EvaluateCandidate, outcome: RolloutOutcome) -> None:
        """Note a score and pay for it."""

    @abstractmethod
    def _record_proposal(self, job: JobT, outcome: ProposalOutcome) -> None:
        """Note what a model wrote."""

    @abstractmethod
    def _record_failure(self, job: JobT, item: WorkItem, outcome: FailedOutcome) -> None:
        """Note a lost item; a rollout's reservation is given back."""

    @abstractmethod
    def _save(self) -> dict[str, object]:
        """The algorithm's own part of the saved state."""

    @abstractmethod
    def _restore(self, saved: Mapping[str, object]) -> list[JobT]:
        """Take that part back in; the jobs that were in flight. Raises ValidationError."""
