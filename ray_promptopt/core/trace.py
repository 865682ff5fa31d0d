"""What the gateway saw of one rollout: its exchanges with the model, and whether any failed."""

from dataclasses import dataclass

from ray_promptopt.core.ids import CorrelationId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.usage import Spend


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as the task app sent it (never the candidate's text) and the model's reply.

    `reply` is the text, or the tool calls as `name(arguments)`. `failure` is set when the call
    failed; a `candidate_fault` (context too long, a schema broken) is the prompt's own doing.
    `notes` say what was changed in the request because the model would have refused it.
    `retry_after_s`: how long the model's server asks to be left alone.
    `cached`: an earlier answer of the run to the same request. `fallback_from`: the model that
    failed before this one answered, and how.
    """

    messages: tuple[ChatMessage, ...]
    reply: str
    model: str
    spend: Spend
    latency_s: float
    status_code: int
    failure: str | None = None
    failure_code: str | None = None
    candidate_fault: bool = False
    fatal: bool = False
    notes: tuple[str, ...] = ()
    cached: bool = False
    fallback_from: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """All exchanges under one correlation id, in order; complete once the barrier has passed."""

    correlation_id: CorrelationId
    exchanges: tuple[Exchange, ...]

    @property
    def spend(self) -> Spend:
        """The sum over the exchanges."""
        return sum((exchange.spend for exchange in self.exchanges), Spend())
