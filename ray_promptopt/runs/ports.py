"""What the run controller needs from the outside. `cluster/` gives actors, tests give fakes."""

from typing import Protocol

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


class OptimizerPort(Protocol):
    """The algorithm, wherever it lives. Lost and rebuilt from the store, it answers the same."""

    async def ask(self, capacity: int) -> list[WorkItem]: ...

    async def tell(self, outcome: Outcome) -> None: ...

    async def decisions(self, after: int) -> list[Decision]:
        """Everything decided since the run began, from number `after` on."""
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
