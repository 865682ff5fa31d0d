"""What the run controller needs from the outside. `cluster/` gives actors, tests give fakes."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import PromptOptError
from ray_promptopt.core.ids import TrialId
from ray_promptopt.core.work import (
    Decision,
    EvaluateCandidate,
    Outcome,
    ProposalOutcome,
    ProposeText,
    SearchCounts,
    WorkItem,
)
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.result import RolloutResult


class PortLost(PromptOptError):
    """Whoever was asked died before it answered. It may come back; ask again."""


class Step(NamedTuple):
    """The decisions that the caller has not got yet, and up to `capacity` items to carry out."""

    decisions: list[Decision]
    items: list[WorkItem]


class OptimizerPort(Protocol):
    """The algorithm, wherever it lives. Lost and rebuilt from the store, it answers the same."""

    async def advance(self, outcomes: Sequence[Outcome], decided: int, capacity: int) -> Step:
        """Tell what came home in this order, then ask: one message, as a search sends thousands.

        Again after a loss, without harm. `decided`: how many decisions the caller has.
        """
        ...

    async def stop_reason(self) -> str | None: ...

    async def counts(self) -> SearchCounts: ...


class TrialPort(Protocol):
    """The gateway's registry: which trial id stands for which candidate."""

    async def register(
        self, candidate: Candidate | None, baseline: LearnedBaseline | None, *, again: bool
    ) -> TrialId:
        """The trial id of a candidate; None is the baseline trial, forwarded unchanged.

        `again`: an attempt failed, perhaps because the gateway has lost what it knew.
        """
        ...

    async def serve_best(self, candidate: Candidate, baseline: LearnedBaseline) -> None:
        """From now on the run id itself serves this candidate."""
        ...

    async def revoke_all(self) -> None:
        """The trial ids of this run stop working; the run id keeps serving the best prompt."""
        ...


class RolloutPort(Protocol):
    """Runs one attempt at a rollout somewhere. Raises PortLost, nothing else."""

    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult: ...


class ProposalPort(Protocol):
    """One call of the reflection model. Raises UpstreamError."""

    async def propose(self, item: ProposeText) -> ProposalOutcome: ...
