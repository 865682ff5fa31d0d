"""Calls of the reflection model: messages in, text and spend out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.usage import Spend
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Completion:
    """`truncated`: the model stopped for length, so the text is not whole."""

    text: str
    truncated: bool
    spend: Spend
    latency_s: float


class ChatClient:
    """One model with its sampling settings."""

    def __init__(self, upstream: Upstream, model: UpstreamModel, prices: Prices) -> None:
        self._upstream = upstream
        self._model = model
        self._prices = prices

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
        reply = await self._upstream.complete(self._model, body, self._prices)
        choice = reply.body["choices"][0]
        return Completion(
            text=str(choice["message"].get("content") or ""),
            truncated=choice.get("finish_reason") == "length",
            spend=reply.spend,
            latency_s=reply.latency_s,
        )
