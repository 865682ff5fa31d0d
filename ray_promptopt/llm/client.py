"""Calls of the reflection model: messages in, text and spend out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.usage import Spend
from ray_promptopt.llm.call import Call, UpstreamReply
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.spans import CallFacts, CallSpans, NoSpans
from ray_promptopt.llm.upstream import Upstream
from ray_promptopt.llm.wire import CHAT


@dataclass(frozen=True, slots=True)
class Completion:
    """`truncated`: the model stopped for length, so the text is not whole."""

    text: str
    truncated: bool
    spend: Spend
    latency_s: float


class ChatClient:
    """One model with its sampling settings."""

    def __init__(
        self,
        upstream: Upstream,
        model: UpstreamModel,
        prices: Prices,
        *,
        spans: CallSpans | None = None,
    ) -> None:
        self._upstream = upstream
        self._model = model
        self._prices = prices
        self._spans = spans or NoSpans()

    async def complete(self, messages: Sequence[ChatMessage], *, seed: int) -> Completion:
        """Raises UpstreamError."""
        body: dict[str, Any] = {
            "messages": [
                {"role": message.role, "content": message.content} for message in messages
            ],
            "seed": seed,
        }
        if self._model.temperature is not None:
            body["temperature"] = self._model.temperature
        if self._model.max_completion_tokens is not None:
            body["max_tokens"] = self._model.max_completion_tokens
        reply = await self._reply(body)
        choice = reply.body["choices"][0]
        return Completion(
            text=str(choice["message"].get("content") or ""),
            truncated=choice.get("finish_reason") == "length",
            spend=reply.spend,
            latency_s=reply.latency_s,
        )

    async def _reply(self, body: Mapping[str, Any]) -> UpstreamReply:
        span = self._spans.begin()
        reply: UpstreamReply | None = None
        failure_code: str | None = "cancelled"
        try:
            call = Call.of(CHAT, self._model, body, self._prices, trace_headers=span.headers)
            reply = await self._upstream.complete(call)
            failure_code = None
            return reply
        except UpstreamError as error:
            failure_code = error.code
            raise
        finally:
            model = self._model
            own = {"role": "reflection"}
            span.end(CallFacts(CHAT, model.provider, model.model, body, reply, failure_code, own))
