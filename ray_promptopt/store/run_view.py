"""A run as its journal tells it: a fold of events, for results, the report and the API."""

from dataclasses import dataclass, field
from enum import StrEnum

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Part
from ray_promptopt.core.ids import CandidateId, RunId
from ray_promptopt.core.usage import NO_SPEND, Spend
from ray_promptopt.core.work import (
    Decision,
    DecisionKind,
    Purpose,
    RolloutOutcome,
)
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.store import events
from ray_promptopt.store.journal import RunStore

SEARCH_PURPOSES = frozenset(Purpose) - {Purpose.HELD_OUT, Purpose.REFLECTION}
"""What counts in the search's budget of rollouts."""


class RunStatus(StrEnum):
    """Where a run stands. `running` may also be a run whose coordinator was killed."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


class Fate(StrEnum):
    """What became of a candidate. What has passed its minibatch is accepted once it is scored on
    the validation seeds; in an asynchronous search it may instead be a lesson, merged into another.
    """

    PROPOSED = "proposed"
    REJECTED = "rejected"
    PASSED = "passed"
    DISCARDED = "discarded"
    ACCEPTED = "accepted"


_FATES = {
    DecisionKind.CANDIDATE_REJECTED: Fate.REJECTED,
    DecisionKind.CANDIDATE_ACCEPTED: Fate.PASSED,
    DecisionKind.PROPOSAL_DISCARDED: Fate.DISCARDED,
    DecisionKind.CANDIDATE_SCORED: Fate.ACCEPTED,
}


@dataclass
class CandidateRecord:
    """A candidate and everything that was measured of it, by seed.

    `lessons` are the candidates whose edits were merged into this one.
    """

    candidate: Candidate
    parents: tuple[CandidateId, ...]
    iteration: int
    message: str
    fate: Fate = Fate.PROPOSED
    lessons: tuple[CandidateId, ...] = ()
    minibatch: dict[int, RolloutOutcome] = field(default_factory=dict)
    validation: dict[int, RolloutOutcome] = field(default_factory=dict)
    held_out: dict[int, RolloutOutcome] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether it belongs to the population."""
        return self.fate is Fate.ACCEPTED

    @property
    def validation_mean(self) -> float | None:
        """Mean score over the validation seeds that were run; None before the first."""
        return _mean(self.validation)

    @property
    def held_out_mean(self) -> float | None:
        """Mean score over the test seeds that were run; None before the first."""
        return _mean(self.held_out)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A decision on the score curve: after `rollouts` rollouts, something was accepted or not."""

    rollouts: int
    at_s: float
    kind: DecisionKind
    candidate_id: CandidateId | None
    score: float | None
    best: float | None


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt that came to nothing, or a work item given up (`final`)."""

    at_s: float
    work_id: str
    kind: str
    message: str
    final: bool


@dataclass
class RunView:
    """Everything about a run that its journal holds. `candidates` is in order of appearance."""

    run_id: RunId
    name: str
    created_at_s: float
    config_json: str
    status: RunStatus = RunStatus.CREATED
    reason: str = ""
    search_ended: bool = False
    baseline_json: str | None = None
    initial_id: CandidateId | None = None
    best_id: CandidateId | None = None
    front: frozenset[CandidateId] = frozenset()
    candidates: dict[CandidateId, CandidateRecord] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    rollouts_by_purpose: dict[Purpose, int] = field(default_factory=dict)
    policy_spend: Spend = NO_SPEND
    reflection_spend: Spend = NO_SPEND
    held_out_spend: Spend = NO_SPEND
    price_lists: list[str] = field(default_factory=list)
    failed_attempts: list[FailedAttempt] = field(default_factory=list)
    interruptions: int = 0
    proposals: int = 0
    running_s: float = 0.0
    last_seq: int = field(default=0, compare=False)
    last_at_s: float = field(default=0.0, compare=False)

    @property
    def search_rollouts(self) -> int:
        """Rollouts that counted in the budget."""
        return sum(
            count for purpose, count in self.rollouts_by_purpose.items()
            if purpose in SEARCH_PURPOSES
        )  # fmt: skip

    @property
    def spend(self) -> Spend:
        """All kinds together."""
        return self.policy_spend + self.reflection_spend + self.held_out_spend

    @property
    def initial(self) -> CandidateRecord | None:
        """The baseline's own candidate."""
        return self.candidates.get(self.initial_id) if self.initial_id else None

    @property
    def best(self) -> CandidateRecord | None:
        """The candidate with the best validation score."""
        return self.candidates.get(self.best_id) if self.best_id else None

    @property
    def accepted(self) -> list[CandidateRecord]:
        """The population: the initial candidate and every other that was scored in full."""
        return [record for record in self.candidates.values() if record.accepted]


def load_view(store: RunStore, run_id: RunId) -> RunView:
    """Fold a run's journal. Raises JournalError when there is none."""
    row = store.run(run_id)
    view = RunView(row.run_id, row.name, row.created_at_s, row.config)
    catch_up(view, store)
    return view


def catch_up(view: RunView, store: RunStore) -> None:
    """Fold what was appended since; the view is the same for any way of cutting a journal."""
    for stored in store.events(view.run_id, after=view.last_seq):
        idle = view.status is RunStatus.PAUSED or isinstance(stored.event, events.RunStarted)
        if view.last_seq and not idle:
            view.running_s += max(0.0, stored.at_s - view.last_at_s)
        view.last_seq, view.last_at_s = stored.seq, stored.at_s
        _apply(view, stored.event, stored.at_s)


def _apply(view: RunView, event: events.Event, at_s: float) -> None:
    match event:
        case events.RolloutFinished():
            _rollout(view, event)
        case events.ProposalFinished(outcome=outcome):
            view.proposals += 1
            view.reflection_spend += outcome.spend
        case events.AttemptFailed():
            _spend(view, event.purpose, event.spend)
            view.failed_attempts.append(
                FailedAttempt(at_s, event.work_id, event.kind, event.message, final=False)
            )
        case events.WorkFailed(outcome=lost):
            view.failed_attempts.append(
                FailedAttempt(at_s, lost.work_id, "given up", lost.error, final=True)
            )
        case events.Decided(decision=decision, rollouts=rollouts):
            _decision(view, decision, rollouts, at_s)
        case events.BaselineLearned(baseline_json=text):
            _baseline(view, text)
        case events.SearchEnded(reason=reason, best=best, front=front):
            view.search_ended, view.reason, view.best_id = True, reason, best
            view.front = frozenset(front)
        case _:
            _status(view, event)


def _baseline(view: RunView, text: str) -> None:
    view.baseline_json = text
    initial = LearnedBaseline.from_json(text).initial_candidate()
    view.initial_id = initial.id
    view.candidates[initial.id] = CandidateRecord(
        initial, (), 0, "the baseline, as the task app sends it", Fate.ACCEPTED
    )


def _status(view: RunView, event: events.Event) -> None:
    match event:
        case events.RunStarted(price_list=price_list):
            view.status = RunStatus.RUNNING
            if price_list and price_list not in view.price_lists:
                view.price_lists.append(price_list)
        case events.RunPaused(by=by):
            view.status, view.reason = RunStatus.PAUSED, f"paused by {by}"
        case events.RunContinued():
            view.status, view.reason = RunStatus.RUNNING, ""
        case events.RunInterrupted(reason=reason):
            view.status, view.reason = RunStatus.INTERRUPTED, reason
            view.interruptions += 1
        case events.RunFailed(reason=reason):
            view.status, view.reason = RunStatus.FAILED, reason
        case events.RunFinished(reason=reason):
            view.status, view.reason = RunStatus.SUCCEEDED, reason


def _rollout(view: RunView, event: events.RolloutFinished) -> None:
    counts = view.rollouts_by_purpose
    counts[event.purpose] = counts.get(event.purpose, 0) + 1
    _spend(view, event.purpose, event.outcome.spend)
    record = view.candidates.get(event.candidate_id)
    if record is None:
        return
    match event.example.part:
        case Part.VALIDATION:
            record.validation[event.example.seed] = event.outcome
        case Part.TEST:
            record.held_out[event.example.seed] = event.outcome
        case Part.TRAIN:
            record.minibatch[event.example.seed] = event.outcome


def _spend(view: RunView, purpose: Purpose, spend: Spend) -> None:
    if purpose is Purpose.REFLECTION:
        view.reflection_spend += spend
    elif purpose is Purpose.HELD_OUT:
        view.held_out_spend += spend
    else:
        view.policy_spend += spend


def _decision(view: RunView, decision: Decision, rollouts: int, at_s: float) -> None:
    view.decisions.append(decision)
    candidate = decision.candidate
    if candidate is not None:
        if candidate.id not in view.candidates:
            view.candidates[candidate.id] = CandidateRecord(
                candidate,
                decision.parents,
                decision.iteration,
                decision.message,
                lessons=decision.lessons,
            )
        record = view.candidates[candidate.id]
        if not record.accepted:
            record.fate = _FATES.get(decision.kind, record.fate)
        if decision.kind is DecisionKind.NEW_BEST:
            view.best_id = candidate.id
    best = view.best.validation_mean if view.best is not None else None
    view.curve.append(
        CurvePoint(
            rollouts,
            at_s,
            decision.kind,
            candidate.id if candidate else None,
            decision.score,
            best,
        )
    )


def show_score(score: float | None) -> str:
    """A score for people; a dash while there is none."""
    return "-" if score is None else f"{score:.3f}"


def _mean(outcomes: dict[int, RolloutOutcome]) -> float | None:
    if not outcomes:
        return None
    return sum(outcome.score for outcome in outcomes.values()) / len(outcomes)
