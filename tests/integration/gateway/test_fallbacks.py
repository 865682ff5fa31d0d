"""Models that stand in: when they are asked, who is named and charged, and what the caller sees."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ray_promptopt.llm.models import UpstreamModel
from tests.fakes.interceptor import KEYS, Interceptor, chat, intercepting
from tests.fakes.loopback import served
from tests.fakes.providers import (
    Answer,
    FakeProvider,
    Scripted,
    Streamed,
    chunk,
    completed,
    openai_error,
    streamed,
)

GROQ_MODEL = "openai/gpt-oss-20b"
OVERLOADED = openai_error(503, None, "overloaded")


@dataclass
class Pair:
    """A gateway whose trial is of OpenAI, and the stand-in at Groq."""

    gateway: Interceptor
    stand_in: FakeProvider


@asynccontextmanager
async def falling_back(
    *script: Scripted, stand_in: Scripted | None = None, **options: Any
) -> AsyncIterator[Pair]:
    groq = FakeProvider([stand_in or completed("stand-in", model=GROQ_MODEL)])
    async with served(groq) as url, intercepting(*script, **options) as gateway:
        fallback = UpstreamModel("groq", "gpt-oss-20b", f"{url}/v1")
        gateway.binding = replace(gateway.binding, fallbacks=(fallback,))
        gateway.state.plain.register(gateway.binding)
        yield Pair(gateway, groq)


async def test_a_model_that_answers_is_alone() -> None:
    async with falling_back(completed("own")) as pair:
        reply = await pair.gateway.post()
        (exchange,) = await pair.gateway.exchanges()
    assert pair.stand_in.requests == []
    assert "x-ray-promptopt-fallback-from" not in reply.headers
    assert (exchange.reply, exchange.fallback_from) == ("own", None)


@pytest.mark.parametrize(
    ("failure", "code", "num_tries"),
    [
        (OVERLOADED, "upstream_error", 5),
        (openai_error(429, None, "Rate limit"), "rate_limit_exceeded", 5),
        (openai_error(429, "insufficient_quota", "no quota"), "insufficient_quota", 1),
        (openai_error(404, "model_decommissioned", "gone"), "model_decommissioned", 1),
        (Answer(200, "<html>"), "malformed_reply", 5),
    ],
)
async def test_the_stand_in_answers_in_its_own_dialect_and_is_charged_at_its_own_price(
    failure: Answer, code: str, num_tries: int
) -> None:
    async with falling_back(failure) as pair:
        reply = await pair.gateway.post(chat(logprobs=True))
        (exchange,) = await pair.gateway.exchanges()
    assert reply.status_code == 200
    assert reply.json()["model"] == GROQ_MODEL
    assert reply.headers["x-ray-promptopt-fallback-from"] == f"openai/gpt-4o-mini ({code})"
    assert len(pair.gateway.provider.requests) == num_tries
    (asked,) = pair.stand_in.requests
    assert asked["model"] == GROQ_MODEL
    assert "logprobs" not in asked
    assert asked["messages"] == pair.gateway.provider.requests[0]["messages"]
    assert pair.stand_in.headers[0]["authorization"] == f"Bearer {KEYS['GROQ_API_KEY']}"
    assert (exchange.model, exchange.reply) == (GROQ_MODEL, "stand-in")
    assert exchange.fallback_from == f"openai/gpt-4o-mini ({code})"
    assert exchange.notes == ("logprobs dropped: groq refuses it",)
    assert exchange.spend.cost_usd == pytest.approx(100 * 0.075e-6 + 10 * 0.30e-6)
    assert exchange.spend.fallback_calls == 1
    (report,) = pair.gateway.reports
    assert (report.provider, report.fell_back) == ("groq", True)


@pytest.mark.parametrize(
    ("failure", "status", "fatal"),
    [
        (openai_error(401, "invalid_api_key", "bad key"), 401, True),
        (openai_error(404, "model_not_found", "no such model"), 404, True),
        (openai_error(400, "context_length_exceeded", "too long"), 400, False),
        (openai_error(400, None, "a field is wrong"), 400, False),
    ],
)
async def test_what_has_to_be_mended_or_is_the_prompts_own_fault_is_not_hidden(
    failure: Answer, status: int, fatal: bool
) -> None:
    async with falling_back(failure) as pair:
        reply = await pair.gateway.post()
        (exchange,) = await pair.gateway.exchanges()
    assert reply.status_code == status
    assert pair.stand_in.requests == []
    assert exchange.fatal is fatal


async def test_when_the_stand_in_fails_too_the_failure_is_that_of_the_trials_own_model() -> None:
    too_long = openai_error(400, "context_length_exceeded", "too long for a small model")
    async with falling_back(OVERLOADED, stand_in=too_long) as pair:
        reply = await pair.gateway.post()
        (exchange,) = await pair.gateway.exchanges()
    assert reply.status_code == 503
    assert exchange.failure is not None
    assert exchange.failure.startswith("openai/gpt-4o-mini: the provider answered 503")
    assert "context_length_exceeded" in exchange.failure
    assert not exchange.candidate_fault


async def test_a_model_that_hangs_leaves_the_stand_in_its_share_of_the_time() -> None:
    hanging = Answer(200, "", hangs=True)
    async with asyncio.timeout(10.0), falling_back(hanging, timeout_s=1.0) as pair:
        reply = await pair.gateway.post()
        (exchange,) = await pair.gateway.exchanges()
    assert reply.status_code == 200
    assert exchange.fallback_from == "openai/gpt-4o-mini (timeout)"


async def test_a_stream_falls_back_before_its_first_event_and_never_after() -> None:
    cut = Streamed([chunk({"content": "It "})], then="break")
    stand_in = Streamed([piece.replace(b"gpt-4o-mini-2024-07-18", GROQ_MODEL.encode())
                         for piece in streamed("stand-in")])  # fmt: skip
    async with falling_back(OVERLOADED, stand_in=stand_in) as pair:
        whole = await pair.gateway.post(chat(stream=True))
        num_asked = len(pair.stand_in.requests)
        pair.gateway.provider.script = [cut]
        broken = await pair.gateway.post(chat(stream=True))
        first, second = await pair.gateway.exchanges()
    assert whole.headers["x-ray-promptopt-fallback-from"].startswith("openai/gpt-4o-mini")
    assert (first.model, first.reply) == (GROQ_MODEL, "stand-in")
    assert first.spend.cost_usd == pytest.approx(100 * 0.075e-6 + 10 * 0.30e-6)
    assert num_asked == len(pair.stand_in.requests) == 1
    assert b'"error"' in broken.content
    assert second.fallback_from is None


async def test_a_stand_ins_answer_is_not_kept_as_the_models_own() -> None:
    async with falling_back(OVERLOADED) as pair:
        gateway = pair.gateway
        gateway.binding = replace(gateway.binding, response_cache=True)
        gateway.state.plain.register(gateway.binding)
        first = await gateway.post(chat(temperature=0))
        gateway.provider.script = [completed("own")]
        second = await gateway.post(chat(temperature=0))
    assert first.json()["choices"][0]["message"]["content"] == "stand-in"
    assert second.json()["choices"][0]["message"]["content"] == "own"
