"""What an algorithm asks for (work items), what it is told (outcomes), what it then decides.

A work item is one rollout or one model call. Ids are deterministic and never used twice, so an
outcome told again, or an item asked again after a restart, is recognised.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example
from ray_promptopt.core.ids import CandidateId, WorkId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.usage import NO_SPEND, Spend


class Purpose(StrEnum):
    """Why a work item exists; budgets, progress and the report are broken down by it."""

    BASELINE = "baseline"
    BOOTSTRAP = "bootstrap"
    TRIAL = "trial"
    INITIAL_VALIDATION = "initial_validation"
    PARENT_MINIBATCH = "parent_minibatch"
    CHILD_MINIBATCH = "child_minibatch"
    MERGE_GATE = "merge_gate"
    VALIDATION = "validation"
    REFLECTION = "reflection"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class EvaluateCandidate:
    """One rollout: this candidate on this example."""

    work_id: WorkId
    candidate: Candidate
    example: Example
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class ProposeText:
    """One call of the reflection model. `seed` gives the model's sampling its own stream."""

    work_id: WorkId
    messages: tuple[ChatMessage, ...]
    seed: int
    purpose: Purpose = Purpose.REFLECTION


WorkItem = EvaluateCandidate | ProposeText


@dataclass(frozen=True, slots=True)
class StageCall:
    """What one stage of a pipeline was given and what it answered."""

    stage: str
    inputs: str
    output: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What happened in a rollout, in words: for the reflection model and the report.

    `calls` tell the stages of a pipeline apart; empty where the app has only one. `right_output` is
    what the last call should have answered; empty where the app does not tell.
    """

    inputs: str
    output: str
    feedback: str
    calls: tuple[StageCall, ...] = ()
    right_output: str = ""


@dataclass(frozen=True, slots=True)
class RolloutOutcome:
    """A scored rollout. `score` is finite, higher is better."""

    work_id: WorkId
    score: float
    evidence: Evidence
    spend: Spend = NO_SPEND
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ProposalOutcome:
    """The reflection model's raw text; `truncated` when it stopped for length."""

    work_id: WorkId
    text: str
    truncated: bool = False
    spend: Spend = NO_SPEND
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FailedOutcome:
    """The item was lost for good after all retries. It is never scored, and costs no rollout."""

    work_id: WorkId
    error: str
    spend: Spend = NO_SPEND


Outcome = RolloutOutcome | ProposalOutcome | FailedOutcome


class DecisionKind(StrEnum):
    """What an algorithm did upon an outcome."""

    ITERATION_SKIPPED = "iteration_skipped"
    PROPOSAL_DISCARDED = "proposal_discarded"
    CANDIDATE_PROPOSED = "candidate_proposed"
    CANDIDATE_REJECTED = "candidate_rejected"
    CANDIDATE_ACCEPTED = "candidate_accepted"
    CANDIDATE_SCORED = "candidate_scored"
    NEW_BEST = "new_best"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Decision:
    """One step of the search, for the journal, the progress display and the report.

    `lessons` are the candidates whose edits were merged into this one.
    """

    kind: DecisionKind
    message: str
    candidate: Candidate | None = None
    parents: tuple[CandidateId, ...] = ()
    score: float | None = None
    iteration: int = 0
    lessons: tuple[CandidateId, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateSummary:
    """A candidate with its place in the search, as results and the report show it."""

    candidate: Candidate
    parents: tuple[CandidateId, ...]
    origin: str
    iteration: int
    validation_scores: dict[int, float] = field(default_factory=dict)
    on_front: bool = False

    @property
    def validation_mean(self) -> float | None:
        """Mean over the validation seeds scored so far; None before the first."""
        scores = self.validation_scores.values()
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True, slots=True)
class SearchCounts:
    """Where a search stands, without its candidates' texts and scores: cheap after every event.

    `front` is the set of prompts the search answers with, in the order of their admission.
    """

    best: CandidateId
    front: tuple[CandidateId, ...]
    iteration: int
    accepted: int
    rejected: int
    in_flight: int
    rollouts_used: int


@dataclass(frozen=True, slots=True)
class SearchView:
    """A read-only picture of the search. The first candidate is the initial one."""

    candidates: tuple[CandidateSummary, ...]
    counts: SearchCounts
