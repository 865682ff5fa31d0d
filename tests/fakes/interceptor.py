"""A gateway on loopback in front of a scripted provider, with the plain in-memory state."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import (
    CorrelationId,
    RunId,
    TrialId,
    new_run_id,
    new_trial_id,
)
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange
from ray_promptopt.gateway.app import GatewayApp
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.call_log import CallReport
from ray_promptopt.gateway.limits import GatewayLimits
from ray_promptopt.gateway.state import GatewayState
from ray_promptopt.gateway.traces import TraceEvent, TraceLedger
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.retry import RetryPolicy
from ray_promptopt.llm.stream import StreamLimits
from ray_promptopt.llm.upstream import Upstream
from ray_promptopt.prompts.learning import learn_baseline
from tests.fakes.loopback import served
from tests.fakes.providers import FakeProvider, Scripted

BASELINE = "Sort the customer's message into one of the classes."
CANDIDATE = "Zebra quagmire: weigh the verbs before the nouns, then decide."
BETTER = Candidate.of({"system": CANDIDATE})
KEYS = {
    "OPENAI_API_KEY": "sk-openai-secret",
    "GROQ_API_KEY": "gsk-groq-secret",
    "GEMINI_API_KEY": "google-secret",
}
MODELS = {
    "openai": "gpt-4o-mini",
    "groq": "openai/gpt-oss-20b",
    "google": "gemini-2.5-flash",
    "openai_compatible": "local-model",
}


class PlainState:
    """`StatePort` over the plain classes, a call away in the same loop."""

    def __init__(self) -> None:
        self.plain = GatewayState()
        self.ledger = TraceLedger(longest_barrier_s=5.0)
        self.resolved: list[str] = []

    async def resolve(self, reference: str) -> TrialBinding | None:
        self.resolved.append(reference)
        return self.plain.resolve(reference)

    async def record(self, home: str, events: Sequence[TraceEvent]) -> None:
        self.ledger.record(events)


@dataclass
class Interceptor:
    """What a test needs of the gateway: its URL, a trial with a candidate, a rollout's id."""

    url: str
    provider: FakeProvider
    state: PlainState
    app: GatewayApp
    client: httpx.AsyncClient
    binding: TrialBinding
    reports: list[CallReport]
    correlation_id: CorrelationId

    @property
    def trial_id(self) -> TrialId:
        return self.binding.trial_id

    def next_rollout(self) -> None:
        """From now on calls are made for another rollout, which is waited for."""
        self.correlation_id = self.state.ledger.expect()

    async def post(self, body: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        """The call that a task app makes at its inference URL."""
        url = f"{self.url}/v1/{self.trial_id}/chat/completions?cid={self.correlation_id}"
        return await self.client.post(url, json=chat() if body is None else body, **options)

    def stream(
        self, body: dict[str, Any] | None = None, **fields: Any
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """The same call, streamed: a context manager of an open response."""
        url = f"{self.url}/v1/{self.trial_id}/chat/completions?cid={self.correlation_id}"
        return self.client.stream("POST", url, json=body or chat(stream=True, **fields))

    async def exchanges(self) -> tuple[Exchange, ...]:
        """What was recorded of the rollout, once it is complete."""
        trace = await self.state.ledger.barrier(self.correlation_id)
        return trace.exchanges


def chat(question: str = "Where is my parcel?", **fields: Any) -> dict[str, Any]:
    """The body that the app sends: its baseline and a question."""
    return {
        "model": "the-app's-own-idea",
        "messages": [
            {"role": "system", "content": BASELINE},
            {"role": "user", "content": question},
        ],
        **fields,
    }


@asynccontextmanager
async def intercepting(
    *script: Scripted,
    provider: str = "openai",
    model: str | None = None,
    candidate: Candidate | None = BETTER,
    timeout_s: float = 10.0,
    silence_s: float = 5.0,
    limits: GatewayLimits | None = None,
    environ: dict[str, str] | None = None,
) -> AsyncIterator[Interceptor]:
    """A gateway whose one trial goes to a provider with this script."""
    fake = FakeProvider(script)
    state = PlainState()
    reports: list[CallReport] = []
    upstream = Upstream(
        KEYS if environ is None else environ,
        retry=RetryPolicy(first_wait_s=0.0),
        timeout_s=timeout_s,
        stream=StreamLimits(silence_s=silence_s, whole_s=10.0),
    )
    gateway = GatewayApp(state, upstream=upstream, limits=limits, observe=reports.append)
    async with (
        served(fake) as provider_url,
        served(gateway) as url,
        httpx.AsyncClient(verify=False) as client,
    ):
        binding = TrialBinding(
            new_trial_id(),
            new_run_id(),
            UpstreamModel(provider, model or MODELS[provider], f"{provider_url}/v1"),
            candidate,
            learn_baseline(_observed()) if candidate else None,
        )
        state.plain.register(binding)
        try:
            cid = state.ledger.expect()
            yield Interceptor(url, fake, state, gateway, client, binding, reports, cid)
        finally:
            await gateway.aclose()


def best_of(binding: TrialBinding, run_id: RunId) -> TrialBinding:
    """The same, as the best prompt of a run."""
    return TrialBinding(
        TrialId(run_id), run_id, binding.upstream, binding.candidate, binding.baseline
    )


def _observed() -> list[list[ChatMessage]]:
    return [
        [ChatMessage("system", BASELINE), ChatMessage("user", question)]
        for question in ("Where is it?", "I want my money back.")
    ]
