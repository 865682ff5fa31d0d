"""The reflection model's calls, made by the coordinator itself: it holds the provider's key."""

import os

from ray_promptopt.core.work import ProposalOutcome, ProposeText
from ray_promptopt.llm.client import ChatClient
from ray_promptopt.llm.models import PriceOverride, UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.upstream import Upstream


class Proposer:
    """A `ProposalPort` over one model."""

    def __init__(self, model: UpstreamModel, prices: dict[str, PriceOverride]) -> None:
        self._client = ChatClient(Upstream(os.environ, timeout_s=300.0), model, Prices(prices))

    async def propose(self, item: ProposeText) -> ProposalOutcome:
        """Raises UpstreamError."""
        reply = await self._client.complete(item.messages, seed=item.seed)
        return ProposalOutcome(
            item.work_id, reply.text, reply.truncated, reply.spend, reply.latency_s
        )
