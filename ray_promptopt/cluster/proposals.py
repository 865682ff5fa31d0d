"""The reflection model's calls, made by the coordinator itself: it holds the provider's key."""

import asyncio
import os

from ray_promptopt.core.work import ProposalOutcome, ProposeText
from ray_promptopt.llm.client import ChatClient
from ray_promptopt.llm.models import PriceOverride, UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.spans import call_spans
from ray_promptopt.llm.upstream import Upstream


class Proposer:
    """A `ProposalPort` over one model."""

    def __init__(self, model: UpstreamModel, prices: dict[str, PriceOverride]) -> None:
        self._upstream = Upstream(os.environ, timeout_s=300.0)
        self._spans = call_spans(os.environ)
        self._client = ChatClient(self._upstream, model, Prices(prices), spans=self._spans)

    async def aclose(self) -> None:
        """Close the connections, send the last spans."""
        await self._upstream.aclose()
        await asyncio.to_thread(self._spans.close)

    async def propose(self, item: ProposeText) -> ProposalOutcome:
        """Raises UpstreamError."""
        reply = await self._client.complete(item.messages, seed=item.seed)
        return ProposalOutcome(
            item.work_id, reply.text, reply.truncated, reply.spend, reply.latency_s
        )
