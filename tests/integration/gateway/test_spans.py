"""Spans of calls, as a collector receives them: where they belong, what they tell and hide."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.llm.client import ChatClient
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.spans import call_spans
from ray_promptopt.llm.upstream import Upstream
from tests.fakes.interceptor import BASELINE, CANDIDATE, Interceptor, chat, intercepting
from tests.fakes.loopback import free_port, served
from tests.fakes.otlp import Collector, attributes
from tests.fakes.providers import FakeProvider, Streamed, completed, openai_error, streamed

TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


@asynccontextmanager
async def collecting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """A collector that the standard variable names."""
    collector = Collector()
    async with served(collector) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        yield collector


async def spans_of(
    monkeypatch: pytest.MonkeyPatch, *script: Any, body: dict[str, Any] | None = None
) -> tuple[Collector, Interceptor]:
    """What a collector has of one call, once the gateway has closed."""
    async with collecting(monkeypatch) as collector:
        async with intercepting(*script) as gateway:
            await gateway.post(body, headers={"traceparent": TRACEPARENT, "tracestate": "v=secret"})
        return collector, gateway


async def test_a_call_becomes_one_span_of_the_conventions_in_its_callers_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = chat(temperature=0.5, max_tokens=64, seed=3)
    collector, gateway = await spans_of(monkeypatch, completed(), body=body)
    assert collector.paths == ["/v1/traces"]
    assert collector.headers[0]["content-type"] == "application/x-protobuf"
    assert collector.service_names == {"ray-promptopt"}
    (span,) = collector.spans
    assert span.name == "chat gpt-4o-mini"
    assert span.kind == Span.SPAN_KIND_CLIENT
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert span.end_time_unix_nano > span.start_time_unix_nano
    told = attributes(span)
    overhead_ms = told.pop("ray_promptopt.overhead_ms")
    assert overhead_ms > 0.0
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.seed": 3,
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "openai.api.type": "chat_completions",
        "ray_promptopt.attempts": 1,
        "ray_promptopt.cache_hit": False,
        "ray_promptopt.cost_usd": pytest.approx(100 * 0.15e-6 + 10 * 0.6e-6),
        "ray_promptopt.role": "policy",
        "ray_promptopt.status_code": 200,
        "ray_promptopt.trial": f"{gateway.trial_id[:14]}…",
        "ray_promptopt.usage.source": "provider",
    }


async def test_the_model_server_can_join_the_trace_and_is_told_nothing_else_of_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collector, gateway = await spans_of(monkeypatch, completed())
    (span,) = collector.spans
    (sent,) = gateway.provider.headers
    assert sent["traceparent"] == f"00-{TRACE_ID}-{span.span_id.hex()}-01"
    assert "tracestate" not in sent


async def test_a_stream_has_its_usage_and_a_failed_call_its_error_and_the_partial_usage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, broken = Streamed(streamed("It ", "is.")), Streamed(streamed("It ")[:2], then="break")
    refused = openai_error(429, "insufficient_quota", "You exceeded your current quota")
    script = (whole, broken, refused)
    async with collecting(monkeypatch) as collector, intercepting(*script) as gateway:
        for _ in range(3):
            await gateway.post(chat(stream=True))
        unknown = f"{gateway.url}/v1/trial-{'0' * 32}/chat/completions"
        await gateway.client.post(unknown, json=chat())
        await gateway.app.aclose()
    streams, cut, quota, nobody = collector.spans
    told = attributes(streams)
    assert told["gen_ai.request.stream"] is True
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (100, 10)
    assert told["gen_ai.response.finish_reasons"] == ["stop"]
    assert attributes(cut)["error.type"] == "connection_error"
    assert attributes(cut)["ray_promptopt.usage.source"] == "estimated"
    assert attributes(quota)["error.type"] == "insufficient_quota"
    assert attributes(nobody)["error.type"] == "unknown_trial"
    assert "gen_ai.request.model" not in attributes(nobody)
    failed = (cut, quota, nobody)
    assert [span.status.code for span in failed] == [Status.STATUS_CODE_ERROR] * 3
    assert not any(span.status.message for span in failed)


async def test_no_span_holds_a_word_of_a_prompt_an_answer_or_a_usable_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quoting = openai_error(400, None, f"cannot say {CANDIDATE}")
    async with collecting(monkeypatch) as collector:
        async with intercepting(completed("the model's own words"), quoting) as gateway:
            await gateway.post(chat(user="alice", metadata={"note": "private"}, stop=["parcel"]))
            await gateway.post()
            await gateway.post(chat("x", messages=[{"role": "user", "content": "unlike it"}]))
        sent = b"".join(collector.bodies)
    assert len(collector.spans) == 3
    secrets = (
        CANDIDATE, BASELINE, "Zebra", "parcel", "own words", "alice", "private", "unlike",
        gateway.trial_id, gateway.correlation_id, gateway.binding.run_id, "sk-openai-secret",
    )  # fmt: skip
    assert not [secret for secret in secrets if secret.encode() in sent]


async def test_a_reflection_is_a_span_of_its_own_role(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collecting(monkeypatch) as collector, served(FakeProvider([completed()])) as url:
        spans, upstream = call_spans(os.environ), Upstream({})
        model = UpstreamModel("openai_compatible", "writer", f"{url}/v1")
        client = ChatClient(upstream, model, Prices(), spans=spans)
        await client.complete([ChatMessage("user", "Write a better one.")], seed=1)
        await upstream.aclose()
        await asyncio.to_thread(spans.close)
    (span,) = collector.spans
    assert span.name == "chat writer"
    told = attributes(span)
    assert told["ray_promptopt.role"] == "reflection"
    assert told["gen_ai.request.seed"] == 1
    assert "ray_promptopt.cost_usd" not in told


async def test_a_service_name_of_the_users_own_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "prompts-in-production")
    collector, _ = await spans_of(monkeypatch, completed())
    assert collector.service_names == {"prompts-in-production"}


async def test_a_trace_that_its_caller_does_not_sample_is_not_sampled_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with collecting(monkeypatch) as collector, intercepting(completed()) as gateway:
        await gateway.post(headers={"traceparent": f"{TRACEPARENT[:-2]}00"})
    assert collector.spans == []
    (sent,) = gateway.provider.headers
    assert sent["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert sent["traceparent"].endswith("-00")


async def test_a_collector_that_is_gone_costs_no_call_and_does_not_hold_the_gateway_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    async with asyncio.timeout(20.0), intercepting(completed()) as gateway:
        assert (await gateway.post()).status_code == 200
