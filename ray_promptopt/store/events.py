"""The events of a journal. Everything that counts is one, committed before it counts.

Kept as JSON; the `type` of an event says how the rest is read.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from ray_promptopt.core.examples import Example
from ray_promptopt.core.ids import CandidateId, WorkId
from ray_promptopt.core.usage import Spend
from ray_promptopt.core.work import (
    Decision,
    FailedOutcome,
    ProposalOutcome,
    Purpose,
    RolloutOutcome,
)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A coordinator took the run up; the first of a run, or the next after an interruption.

    `price_list` is the library and version that its calls are priced by.
    """

    price_list: str = ""
    type: Literal["run_started"] = "run_started"


@dataclass(frozen=True, slots=True)
class BaselineLearned:
    """What the task app really sends; the search starts from it."""

    baseline_json: str
    type: Literal["baseline_learned"] = "baseline_learned"


@dataclass(frozen=True, slots=True)
class ProgramRead:
    """The source of the program under optimisation, for proposals; empty when it offers none."""

    program: str
    type: Literal["program_read"] = "program_read"


@dataclass(frozen=True, slots=True)
class ReferenceRead:
    """The texts of the reference corpus, for proposals."""

    texts: tuple[str, ...]
    type: Literal["reference_read"] = "reference_read"


@dataclass(frozen=True, slots=True)
class RolloutFinished:
    """A rollout that counts. `attempts` is how many it took, this one included."""

    outcome: RolloutOutcome
    purpose: Purpose
    example: Example
    candidate_id: CandidateId
    attempts: int
    type: Literal["rollout_finished"] = "rollout_finished"


@dataclass(frozen=True, slots=True)
class ProposalFinished:
    """A reply of the reflection model."""

    outcome: ProposalOutcome
    type: Literal["proposal_finished"] = "proposal_finished"


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt that came to nothing. It costs no rollout, but what it spent is spent."""

    work_id: WorkId
    purpose: Purpose
    kind: str
    message: str
    spend: Spend
    type: Literal["attempt_failed"] = "attempt_failed"


@dataclass(frozen=True, slots=True)
class WorkFailed:
    """A work item given up after its last attempt. It is never scored."""

    outcome: FailedOutcome
    purpose: Purpose
    type: Literal["work_failed"] = "work_failed"


@dataclass(frozen=True, slots=True)
class Decided:
    """What the algorithm did; `rollouts` is how many had counted by then."""

    decision: Decision
    rollouts: int
    type: Literal["decided"] = "decided"


@dataclass(frozen=True, slots=True)
class SearchEnded:
    """No more rollouts of the search will follow."""

    reason: str
    best: CandidateId
    front: tuple[CandidateId, ...] = ()
    type: Literal["search_ended"] = "search_ended"


@dataclass(frozen=True, slots=True)
class RunPaused:
    """From here to `run_continued` nothing new is sent out, and no time counts."""

    by: str
    type: Literal["run_paused"] = "run_paused"


@dataclass(frozen=True, slots=True)
class RunContinued:
    """The end of a pause."""

    by: str
    type: Literal["run_continued"] = "run_continued"


@dataclass(frozen=True, slots=True)
class RunInterrupted:
    """The run was stopped before its end and can be resumed."""

    reason: str
    type: Literal["run_interrupted"] = "run_interrupted"


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run cannot go on until what `reason` says is mended."""

    reason: str
    type: Literal["run_failed"] = "run_failed"


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is complete."""

    reason: str
    type: Literal["run_finished"] = "run_finished"


Event = (
    RunStarted
    | BaselineLearned
    | ProgramRead
    | ReferenceRead
    | RolloutFinished
    | ProposalFinished
    | AttemptFailed
    | WorkFailed
    | Decided
    | SearchEnded
    | RunPaused
    | RunContinued
    | RunInterrupted
    | RunFailed
    | RunFinished
)

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def event_to_json(event: Event) -> str:
    """One line of JSON."""
    return _ADAPTER.dump_json(event).decode()


def event_from_json(text: str) -> Event:
    """The inverse of `event_to_json`. Raises ValueError on anything else."""
    return _ADAPTER.validate_json(text)


def outcome_id(event: Event) -> WorkId | None:
    """The work item that this event settles; at most one event of a journal may settle it."""
    if isinstance(event, RolloutFinished | ProposalFinished | WorkFailed):
        return event.outcome.work_id
    return None
