"""What a replica needs of the shared state. `cluster/` gives the actor, tests the plain class."""

from collections.abc import Sequence
from typing import Protocol

from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.state import TraceEvent


class StatePort(Protocol):
    """The shared state, a call away."""

    async def resolve(self, reference: str) -> TrialBinding | None: ...

    async def record(self, events: Sequence[TraceEvent]) -> None: ...
