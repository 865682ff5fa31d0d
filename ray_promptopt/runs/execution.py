"""One work item from its reservation to its outcome: attempts, retries, the journal, the ledger."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import PromptOptError, UpstreamError
from ray_promptopt.core.ids import CandidateId, RunId
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.core.work import (
    EvaluateCandidate,
    FailedOutcome,
    Outcome,
    ProposalOutcome,
    ProposeText,
    Purpose,
    RolloutOutcome,
    WorkItem,
)
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.result import ErrorKind, ErrorRecord, RolloutResult
from ray_promptopt.runs.failure_policy import FailurePolicy, Retry, StopRun
from ray_promptopt.runs.gate import Gate
from ray_promptopt.runs.ledger import BudgetLedger, Category
from ray_promptopt.runs.ports import PortLost, ProposalPort, RolloutPort, TrialPort
from ray_promptopt.store.events import (
    AttemptFailed,
    Event,
    ProposalFinished,
    RolloutFinished,
    WorkFailed,
)
from ray_promptopt.store.group_commit import GroupCommit
from ray_promptopt.store.journal import RunStore

BASELINE_ID = CandidateId("baseline")
"""Stands for the app's own prompt while it is not known yet."""

TOLD = frozenset(Purpose) - {Purpose.BASELINE, Purpose.HELD_OUT}
"""Work of the search, which is told of a loss for good. Other work can be tried again later."""


GRACE_S = 10.0
"""How long work in flight may take to come home when the run is stopped."""


class RunStopped(PromptOptError):
    """The run cannot go on; the message says what to mend."""


@dataclass
class Executor:
    """Carries out work items. Every outcome is in the journal before anybody is told of it."""

    run_id: RunId
    store: RunStore
    ledger: BudgetLedger
    policy: FailurePolicy
    trials: TrialPort
    rollouts: RolloutPort
    proposals: ProposalPort
    sleep: Callable[[float], Awaitable[None]]
    gate: Gate = field(default_factory=Gate)
    baseline: LearnedBaseline | None = None
    failed_attempts: int = 0
    in_flight: int = 0
    held_out: int = 0

    def __post_init__(self) -> None:
        self._journal = GroupCommit(self.store, self.run_id)

    def try_reserve(self, item: WorkItem, *, in_budget: bool = True) -> bool:
        """Set the item's cost aside; a held-out rollout is not `in_budget`."""
        is_rollout = isinstance(item, EvaluateCandidate)
        category = Category.ROLLOUT if is_rollout else Category.MUTATION
        return self.ledger.try_reserve(item.work_id, category, counts=in_budget)

    async def execute(self, item: WorkItem) -> Outcome:
        """The outcome of a reserved item, committed. Raises RunStopped."""
        settled = False
        self.in_flight += 1
        try:
            attempt = 1
            while True:
                result = await self._attempt(item, again=attempt > 1)
                if not isinstance(result, ErrorRecord):
                    await self._commit(item, result, attempt)
                    settled = True
                    self.policy.succeeded()
                    return _outcome(item, result)
                verdict = self.policy.failed(result, attempt)
                if isinstance(verdict, StopRun):
                    raise RunStopped(verdict.reason)
                if not isinstance(verdict, Retry):
                    break
                await self.sleep(verdict.after_s)
                await self.gate.passed()
                attempt += 1
            lost = FailedOutcome(item.work_id, result.message)
            self.ledger.settle(item.work_id, counted=False, spend=NO_SPEND)
            settled = True
            if item.purpose in TOLD:
                await self._journal.commit(WorkFailed(lost, item.purpose))
            return lost
        finally:
            self.in_flight -= 1
            if not settled:
                self.ledger.settle(item.work_id, counted=False, spend=NO_SPEND)

    async def _attempt(
        self, item: WorkItem, *, again: bool
    ) -> RolloutResult | ProposalOutcome | ErrorRecord:
        """A success, or the error; what a failed attempt spent is charged and journalled."""
        spend = NO_SPEND
        try:
            if isinstance(item, ProposeText):
                return await self.proposals.propose(item)
            result = await self._rollout(item, again)
            if result.error is None:
                return result
            error, spend = result.error, result.spend
        except PortLost as lost:
            error = ErrorRecord(ErrorKind.INFRASTRUCTURE, str(lost))
        except UpstreamError as failed:
            kind = ErrorKind.FATAL if failed.fatal else ErrorKind.INFRASTRUCTURE
            words = f"the reflection model failed: {failed}"
            error = ErrorRecord(kind, words, failed.retry_after_s)
        self.failed_attempts += 1
        self.ledger.charge(item.work_id, spend)
        await self._journal.commit(
            AttemptFailed(item.work_id, item.purpose, error.kind, error.message, spend)
        )
        return error

    async def _rollout(self, item: EvaluateCandidate, again: bool) -> RolloutResult:
        candidate: Candidate | None = None if self.baseline is None else item.candidate
        trial_id = await self.trials.register(candidate, self.baseline, again=again)
        return await self.rollouts.run(item, trial_id, self.baseline)

    async def _commit(
        self, item: WorkItem, result: RolloutResult | ProposalOutcome, attempt: int
    ) -> None:
        outcome = _outcome(item, result)
        if isinstance(item, EvaluateCandidate) and isinstance(outcome, RolloutOutcome):
            event: Event = RolloutFinished(
                outcome,
                item.purpose,
                item.example,
                item.candidate.id if self.baseline is not None else BASELINE_ID,
                attempt,
            )
            trace = (item.work_id, result.trace) if isinstance(result, RolloutResult) else None
            await self._journal.commit(event, trace)
        elif isinstance(outcome, ProposalOutcome):
            await self._journal.commit(ProposalFinished(outcome))
        self.held_out += item.purpose is Purpose.HELD_OUT
        self.ledger.settle(item.work_id, counted=True, spend=outcome.spend)


def _outcome(
    item: WorkItem, result: RolloutResult | ProposalOutcome
) -> RolloutOutcome | ProposalOutcome:
    if isinstance(result, ProposalOutcome):
        return result
    if result.score is None or result.evidence is None:
        raise RunStopped(f"rollout {item.work_id} came back with neither a score nor an error")
    return RolloutOutcome(
        item.work_id, result.score, result.evidence, result.spend, result.latency_s
    )
