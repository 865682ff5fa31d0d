"""The litellm library as a task app's client, by its `api_base` alone, before every provider."""

import json
from typing import Any

import litellm
import pytest

from tests.fakes.chat_clients import (
    MESSAGES,
    TEXT,
    TOOL,
    Label,
    base_url,
    in_the_words_of,
    in_thread,
    tool_call,
    tool_call_in_pieces,
)
from tests.fakes.interceptor import CANDIDATE, MODELS, Interceptor, intercepting
from tests.fakes.providers import Streamed, completed, openai_error, streamed

# The library warns about itself.
pytestmark = pytest.mark.filterwarnings("ignore")


def asked(gateway: Interceptor, **fields: Any) -> dict[str, Any]:
    """What the library is called with."""
    where = {"api_base": base_url(gateway), "api_key": "any"}
    return {"model": "openai/gpt-4o-mini", "messages": MESSAGES, **where, **fields}


@pytest.mark.parametrize("provider", MODELS)
async def test_a_completion_is_the_candidates_answer_with_its_usage(provider: str) -> None:
    async with intercepting(completed(), provider=provider) as gateway:
        answers = [
            await litellm.acompletion(**asked(gateway)),
            await in_thread(lambda: litellm.completion(**asked(gateway))),
        ]
        sent = gateway.provider.requests
        exchanges = await gateway.exchanges()
    for answer in answers:
        assert answer.choices[0].message.content == "an answer"
        assert answer.usage.total_tokens == 110
    assert [request["messages"][0]["content"] for request in sent] == [CANDIDATE] * 2
    assert {request["model"] for request in sent} == {MODELS[provider]}
    assert [exchange.failure for exchange in exchanges] == [None, None]


@pytest.mark.parametrize("provider", MODELS)
async def test_a_stream_is_read_word_by_word_and_its_usage_is_known(provider: str) -> None:
    async with intercepting(in_the_words_of(provider), provider=provider) as gateway:
        chunks = [one async for one in await litellm.acompletion(**asked(gateway, stream=True))]
        plain = await in_thread(
            lambda: "".join(
                one.choices[0].delta.content or ""
                for one in litellm.completion(**asked(gateway, stream=True))
            )
        )
        exchanges = await gateway.exchanges()
    whole = litellm.stream_chunk_builder(chunks, messages=MESSAGES)
    assert whole.choices[0].message.content == TEXT
    assert plain == TEXT
    assert [exchange.reply for exchange in exchanges] == [TEXT] * 2
    assert [exchange.spend.usage.total_tokens for exchange in exchanges] == [110] * 2


async def test_a_streams_usage_comes_to_who_asks_for_it() -> None:
    async with intercepting(in_the_words_of("openai")) as gateway:
        fields = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = [one async for one in await litellm.acompletion(**asked(gateway, **fields))]
    assert litellm.stream_chunk_builder(chunks, messages=MESSAGES).usage.total_tokens == 110


async def test_a_tool_is_called_in_one_piece_and_in_several() -> None:
    async with intercepting(tool_call(), tool_call_in_pieces()) as gateway:
        whole = await litellm.acompletion(**asked(gateway, tools=[TOOL]))
        stream = await litellm.acompletion(**asked(gateway, tools=[TOOL], stream=True))
        joined = litellm.stream_chunk_builder([one async for one in stream], messages=MESSAGES)
        sent = gateway.provider.requests
        exchanges = await gateway.exchanges()
    for answer in (whole, joined):
        (call,) = answer.choices[0].message.tool_calls
        assert (call.id, call.function.name) == ("call_1", "find")
        assert json.loads(call.function.arguments) == {"number": 7}
    assert [request["tools"] for request in sent] == [[TOOL]] * 2
    assert [exchange.reply for exchange in exchanges] == ['find({"number": 7})'] * 2


async def test_structured_output_is_asked_for_by_its_schema() -> None:
    async with intercepting(completed('{"label": "lost_parcel"}')) as gateway:
        answer = await litellm.acompletion(**asked(gateway, response_format=Label))
        sent = gateway.provider.requests[0]
    assert Label.model_validate_json(answer.choices[0].message.content) == Label(
        label="lost_parcel"
    )
    assert sent["response_format"]["json_schema"]["schema"]["required"] == ["label"]


async def test_its_own_retries_cost_no_second_row_of_the_gateways() -> None:
    async with intercepting(openai_error(500, None, "oops")) as gateway:
        with pytest.raises(litellm.InternalServerError):
            await litellm.acompletion(**asked(gateway, num_retries=2))
        with pytest.raises(litellm.InternalServerError):
            await in_thread(lambda: litellm.completion(**asked(gateway, num_retries=2)))
        assert len(gateway.provider.requests) == 5
        exchanges = await gateway.exchanges()
    assert [exchange.failure_code for exchange in exchanges] == ["upstream_error"] * 6


async def test_a_failed_call_is_asked_anew_in_another_rollout() -> None:
    async with intercepting(openai_error(400, "bad_thing", "no"), completed()) as gateway:
        with pytest.raises(litellm.BadRequestError):
            await litellm.acompletion(**asked(gateway))
        other = f"{gateway.url}/v1/{gateway.trial_id}"
        answer = await litellm.acompletion(**asked(gateway, api_base=other))
    assert answer.choices[0].message.content == "an answer"


async def test_a_stream_that_breaks_off_raises() -> None:
    async with intercepting(Streamed(streamed("It is ")[:2], then="break")) as gateway:
        with pytest.raises(litellm.exceptions.MidStreamFallbackError):
            async for _ in await litellm.acompletion(**asked(gateway, stream=True)):
                pass
        (exchange,) = await gateway.exchanges()
    assert exchange.failure_code == "connection_error"
