"""What a rollout needs: a task app to ask, and the gateway's record of what it then did."""

from collections.abc import Mapping
from typing import Any, Protocol

from ray_promptopt.core.ids import CorrelationId
from ray_promptopt.core.trace import Trace
from ray_promptopt.taskapp.contract import RolloutResponse


class TaskAppPort(Protocol):
    """Posts a rollout. Raises TaskAppError."""

    async def rollout(self, request: Mapping[str, Any]) -> RolloutResponse: ...


class TracePort(Protocol):
    """A correlation id to call under, and the record of its calls once it is complete."""

    def expect(self) -> CorrelationId: ...

    async def barrier(self, correlation_id: CorrelationId) -> Trace: ...
