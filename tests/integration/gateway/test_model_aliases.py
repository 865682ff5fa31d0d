"""A model that goes by an alias: callers see that alone; provider, trace and bill do not."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ray_promptopt.llm.sse import SseParser
from tests.fakes.interceptor import BASELINE, Interceptor, intercepting
from tests.fakes.providers import Streamed, completed, streamed
from tests.fakes.responses import responded, response_events

ALIAS = "my-own-name"
RESPONSE = {"instructions": BASELINE, "input": "Where is it?"}


def under_an_alias(gateway: Interceptor) -> None:
    upstream = replace(gateway.binding.upstream, named=ALIAS)
    gateway.binding = replace(gateway.binding, upstream=upstream)
    gateway.state.plain.register(gateway.binding)


async def responses(gateway: Interceptor, **fields: Any) -> Any:
    url = f"{gateway.url}/v1/{gateway.trial_id}/responses?cid={gateway.correlation_id}"
    return await gateway.client.post(url, json={**RESPONSE, **fields})


async def test_the_reply_names_the_alias_and_the_trace_and_the_price_are_the_models() -> None:
    async with intercepting(completed()) as gateway:
        under_an_alias(gateway)
        reply = await gateway.post()
        (sent,) = gateway.provider.requests
        (exchange,) = await gateway.exchanges()
    assert reply.json()["model"] == ALIAS
    assert sent["model"] == "gpt-4o-mini"
    assert exchange.model == "gpt-4o-mini-2024-07-18"
    assert exchange.spend.cost_usd == pytest.approx((100 * 0.15 + 10 * 0.60) / 1e6)


async def test_every_chunk_of_a_stream_names_the_alias_and_is_the_same_besides() -> None:
    pieces = streamed("on ", "its way")
    async with intercepting(Streamed(pieces)) as gateway:
        under_an_alias(gateway)
        async with gateway.stream(stream_options={"include_usage": True}) as reply:
            raw = await reply.aread()
    given = [frame.data for frame in SseParser().feed(b"".join(pieces))]
    shown = [frame.data for frame in SseParser().feed(raw)]
    expected = [{**json.loads(str(data)), "model": ALIAS} for data in given[:-1]]
    assert [json.loads(str(data)) for data in shown[:-1]] == expected
    assert shown[-1] == "[DONE]"


async def test_a_response_and_the_events_that_hold_one_name_the_alias() -> None:
    pieces = response_events("on ", "its way")
    async with intercepting(responded(), Streamed(pieces)) as gateway:
        under_an_alias(gateway)
        whole = (await responses(gateway)).json()
        frames = SseParser().feed((await responses(gateway, stream=True)).content)
    assert whole["model"] == ALIAS
    values = [json.loads(str(frame.data)) for frame in frames]
    assert {value["response"]["model"] for value in values if "response" in value} == {ALIAS}
    given = SseParser().feed(b"".join(pieces))
    assert [frame.raw for frame in frames[2:-1]] == [frame.raw for frame in given[2:-1]]


async def test_the_list_of_models_has_the_alias() -> None:
    async with intercepting(completed()) as gateway:
        under_an_alias(gateway)
        url = f"{gateway.url}/v1/{gateway.trial_id}/models"
        listed = (await gateway.client.get(url)).json()["data"]
        other = await gateway.client.get(f"{url}/gpt-4o-mini")
    assert [entry["id"] for entry in listed] == [ALIAS]
    assert other.status_code == 404
