"""The asynchronous GEPA behind the Optimizer protocol: outcomes to jobs, new work to the asker."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ray_promptopt.algorithms.gepa.lanes.jobs import LANE, Lane, read_work_id
from ray_promptopt.algorithms.gepa.lanes.landing_rules import (
    end_landing_stage,
    landing_items,
    widen,
)
from ray_promptopt.algorithms.gepa.lanes.lane_rules import end_lane_stage, lane_items
from ray_promptopt.algorithms.gepa.lanes.queue import RankedLedger
from ray_promptopt.algorithms.gepa.lanes.recording import (
    Job,
    record_failure,
    record_proposal,
    record_rollout,
)
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.lanes.stages import LandingStage, LaneStage
from ray_promptopt.algorithms.gepa.lanes.state import restore, save
from ray_promptopt.algorithms.gepa.settings import GepaSettings
from ray_promptopt.algorithms.gepa.view import search_counts, search_view
from ray_promptopt.algorithms.ledger import refuse_misfit
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import ConfigError, ConfigProblem
from ray_promptopt.core.ids import WorkId
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

_DONE = (LaneStage.DONE, LandingStage.DONE)


class AsyncGepaOptimizer:
    """Reflective evolution in lanes and landings, schedule `async` (docs/gepa.md).

    Invariant: unless the search is over, at least one work item is open.
    """

    def __init__(self, settings: GepaSettings, initial: Candidate) -> None:
        if not initial.components:
            problem = ConfigProblem("initial candidate", "{}", "give at least one component")
            raise ConfigError("GEPA", (problem,))
        self._search = LaneSearch(settings, initial)
        self._ledger = RankedLedger()
        self._num_open: Counter[str] = Counter()
        landing = self._search.begin()
        if landing is not None:
            self._go_on(landing)
            self._begin_jobs()

    @property
    def discarded(self) -> dict[str, int]:
        """How many reflections and proposals were thrown away, by reason."""
        return dict(self._search.tally.discarded)

    def ask(self, capacity: int) -> list[WorkItem]:
        """Up to `capacity` items, the most valuable first."""
        return self._ledger.take(capacity) if self._search.stop is None else []

    def tell(self, outcome: Outcome) -> list[Decision]:
        """Take an outcome in; the last one of a stage moves its lane or landing on.

        Raises ValueError on an id never asked for, a kind that does not fit, or a score that is
        not finite.
        """
        item = self._ledger.find(outcome.work_id)
        if item is None:
            return []
        job = self._job_of(item.work_id)
        self._record(job, item, outcome)
        self._ledger.settle(item.work_id)
        self._num_open[_key(job)] -= 1
        decisions = [*self._go_on(job), *self._begin_jobs()]
        if self._search.stop is None and not self._ledger.num_open:
            self._search.finish()
            reason = str(self._search.stop)
            decisions.append(
                Decision(DecisionKind.STOPPED, reason, iteration=self._search.num_lanes)
            )
        return decisions

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
        """Issue what the present stage still needs; when that is nothing, end the stage."""
        decisions: list[Decision] = []
        self._issue(job, self._more(job))
        while not self._num_open[_key(job)] and job.stage not in _DONE:
            if isinstance(job, Lane):
                decisions += end_lane_stage(self._search, job)
                self._issue(job, lane_items(self._search, job))
            else:
                decisions += end_landing_stage(self._search, job)
                self._issue(job, landing_items(self._search, job))
                self._issue(job, self._more(job))
        if job.stage in _DONE:
            del self._num_open[_key(job)]
            self._ledger.close(_key(job))
        return decisions

    def _more(self, job: Job) -> Sequence[WorkItem]:
        return () if isinstance(job, Lane) else widen(self._search, job)

    def _begin_jobs(self) -> list[Decision]:
        """Begin landings and lanes while there is room for them."""
        decisions: list[Decision] = []
        search = self._search
        while search.stop is None:
            job: Job | None = search.start_landing() or search.start_lane(self._ledger.num_open)
            if job is None:
                break
            items = lane_items(search, job) if isinstance(job, Lane) else landing_items(search, job)
            self._issue(job, items)
            decisions += self._go_on(job)
        return decisions

    def _issue(self, job: Job, items: Sequence[WorkItem]) -> None:
        self._num_open[_key(job)] += self._ledger.issue(items)

    def _job_of(self, work_id: WorkId) -> Job:
        name = read_work_id(work_id)
        jobs: Mapping[int, Job] = self._search.lanes if name.kind == LANE else self._search.landings
        return jobs[name.number]

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
            iteration=search.num_lanes,
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
        self._ledger = RankedLedger(restore(self._search, state))
        self._num_open = Counter()
        for lane in self._search.lanes.values():
            self._issue(lane, lane_items(self._search, lane))
        for landing in self._search.landings.values():
            self._issue(landing, landing_items(self._search, landing))


def _key(job: Job) -> str:
    return f"{'l' if isinstance(job, Lane) else 'g'}{job.number}"
