"""What a replica needs of others. `cluster/` gives actors, tests the plain classes."""

from collections.abc import Sequence
from typing import Protocol

from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.traces import TraceEvent


class StatePort(Protocol):
    """The shared state and the ledgers of the rollout workers, a call away."""

    async def resolve(self, reference: str) -> TrialBinding | None: ...

    async def record(self, home: str, events: Sequence[TraceEvent]) -> None:
        """Give events to the ledger at `home`; done when it has them, or is gone for good."""
        ...
