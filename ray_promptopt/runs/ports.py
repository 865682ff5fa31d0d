"""What the run controller needs from the outside. `cluster/` gives actors, tests give fakes."""

from typing import Protocol

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import TrialId
from ray_promptopt.core.work import (
    Decision,
    EvaluateCandidate,
    Outcome,
    ProposalOutcome,
    ProposeText,
    SearchView,
    WorkItem,
)
from ray_promptopt.rollouts.result import RolloutResult


class OptimizerPort(Protocol):
    """The algorithm, wherever it lives. Lost and rebuilt from the store, it answers the same."""

    async def ask(self, capacity: int) -> list[WorkItem]: ...

    async def tell(self, outcome: Outcome) -> list[Decision]: ...

    async def stop_reason(self) -> str | None: ...

    async def view(self) -> SearchView: ...


class TrialPort(Protocol):
    """The gateway's registry: which trial id stands for which candidate."""

    async def register(self, candidate: Candidate | None) -> TrialId:
        """Idempotent per candidate; None is the baseline trial, forwarded unchanged."""
        ...

    async def serve_best(self, candidate: Candidate) -> None:
        """From now on the run id itself serves this candidate."""
        ...

    async def revoke_all(self) -> None:
        """The trial ids of this run stop working; the run id keeps serving the best prompt."""
        ...


class RolloutPort(Protocol):
    """Runs one attempt at a rollout somewhere; never raises for what the rollout did."""

    async def run(self, item: EvaluateCandidate, trial_id: TrialId) -> RolloutResult: ...


class ProposalPort(Protocol):
    """One call of the reflection model. Raises UpstreamError."""

    async def propose(self, item: ProposeText) -> ProposalOutcome: ...
