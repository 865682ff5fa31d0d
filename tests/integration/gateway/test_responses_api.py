"""The Responses API: substituted on the way in, the caller's own words on the way out."""

import json
from typing import Any

import pytest

from ray_promptopt.llm.sse import SseParser
from tests.fakes.interceptor import BASELINE, CANDIDATE, Interceptor, intercepting
from tests.fakes.providers import Answer, Streamed, chunk, openai_error
from tests.fakes.responses import event, responded, response, response_events

ASKED: dict[str, Any] = {"model": "m", "instructions": BASELINE, "input": "Where is it?"}


async def post(gateway: Interceptor, body: dict[str, Any]) -> Any:
    url = f"{gateway.url}/v1/{gateway.trial_id}/responses?cid={gateway.correlation_id}"
    return await gateway.client.post(url, json=body)


async def test_instructions_are_replaced_on_the_way_in_and_restored_on_the_way_out() -> None:
    async with intercepting(responded(echo=CANDIDATE, input_messages=[CANDIDATE])) as gateway:
        reply = await post(gateway, {**ASKED, "store": True, "a_new_field": [1]})
        sent = gateway.provider.requests[0]
        (exchange,) = await gateway.exchanges()
    assert gateway.provider.paths == ["/v1/responses"]
    assert sent == {**ASKED, "model": "gpt-4o-mini", "instructions": CANDIDATE, "store": False,
                    "a_new_field": [1]}  # fmt: skip
    assert reply.json() == response(echo=BASELINE)
    assert exchange.reply == "an answer"
    assert [message.content for message in exchange.messages] == [BASELINE, "Where is it?"]
    assert exchange.notes == ("store became false: the provider keeps no prompt",)
    usage = exchange.spend.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (100, 10, 40)
    assert exchange.spend.cost_usd == pytest.approx((60 * 0.15 + 40 * 0.075 + 10 * 0.60) / 1e6)


async def test_a_system_message_of_the_input_is_replaced_with_its_parts_in_place() -> None:
    image = {"type": "input_image", "image_url": "data:,"}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "ok"}
    body = {"input": [
        {"role": "system", "content": [{"type": "input_text", "text": BASELINE}]},
        {"role": "user", "content": [{"type": "input_text", "text": "Where?"}, image]},
        call, output,
    ]}  # fmt: skip
    async with intercepting(responded()) as gateway:
        reply = await post(gateway, body)
        sent = gateway.provider.requests[0]["input"]
        (exchange,) = await gateway.exchanges()
    assert reply.json()["instructions"] is None
    assert sent[0]["content"] == [{"type": "input_text", "text": CANDIDATE}]
    assert sent[1:] == body["input"][1:]
    assert [message.role for message in exchange.messages] == [
        "system", "user", "assistant", "tool"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_0"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"instructions": ["a"]}, "instructions"),
        ({"instructions": None, "input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["text"]}, "input"),
        ({"input": [{}]}, "input"),
        ({"input": [{"role": "user", "content": "x"}] * 1001}, "input"),
        ({"instructions": "something else"}, "messages"),
    ],
)
async def test_what_cannot_be_served_is_refused_by_name_and_nothing_is_sent(
    fields: dict[str, Any], param: str
) -> None:
    async with intercepting(responded()) as gateway:
        reply = await post(gateway, {**ASKED, **fields})
        assert reply.status_code in (400, 422)
        assert reply.json()["error"]["param"] == param
        assert gateway.provider.requests == []
        (exchange,) = await gateway.exchanges()
    assert exchange.failure


@pytest.mark.parametrize("provider", ["google", "embedded"])
async def test_a_provider_without_this_api_is_named(provider: str) -> None:
    async with intercepting(responded(), provider=provider, model="m") as gateway:
        reply = await post(gateway, ASKED)
    assert reply.json()["error"]["code"] == "unsupported_api"
    assert provider in reply.json()["error"]["message"]


async def test_a_stream_has_the_callers_instructions_and_the_rest_is_untouched() -> None:
    pieces = response_events("on ", "its way", echo=CANDIDATE)
    async with intercepting(Streamed(pieces)) as gateway:
        reply = await post(gateway, {**ASKED, "stream": True})
        sent = gateway.provider.requests[0]
        (exchange,) = await gateway.exchanges()
    assert sent["instructions"] == CANDIDATE
    assert "stream_options" not in sent
    frames = SseParser().feed(reply.content)
    given = SseParser().feed(b"".join(pieces))
    assert [frame.event for frame in frames] == [frame.event for frame in given]
    assert [frame.raw for frame in frames[2:-1]] == [frame.raw for frame in given[2:-1]]
    whole = [json.loads(str(frame.data))["response"] for frame in (*frames[:2], frames[-1])]
    assert [one["instructions"] for one in whole] == [BASELINE] * 3
    assert b"Zebra" not in reply.content
    assert exchange.reply == "on its way"
    assert exchange.spend.usage.total_tokens == 110


FAILED = response("", echo=CANDIDATE, status="failed", output=[],
                  error={"code": "server_error", "message": CANDIDATE})  # fmt: skip


@pytest.mark.parametrize(
    "last",
    [
        [event("error", 3, code="server_error", message=CANDIDATE, param=CANDIDATE)],
        [event("response.failed", 3, response=FAILED)],
        [],
    ],
)
async def test_a_stream_that_fails_says_so_in_the_apis_own_event(last: list[bytes]) -> None:
    pieces = [*response_events("on ", "its way")[:-1], *last]
    async with intercepting(Streamed(pieces)) as gateway:
        reply = await post(gateway, {**ASKED, "stream": True})
        (exchange,) = await gateway.exchanges()
    frame = SseParser().feed(reply.content)[-1]
    error = json.loads(str(frame.data))
    assert (frame.event, error["type"]) == ("error", "error")
    assert error["message"] == error["error"]["message"] == exchange.failure
    assert b"Zebra" not in reply.content
    assert exchange.reply == "on its way"


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(200, FAILED),
        Answer(200, {"error": {"message": "Provider returned error", "code": 502}}),
        openai_error(500, None, "oops"),
        Streamed([chunk({"content": "chat, not responses"})]),
    ],
)
async def test_a_failed_response_is_retried_like_any_trouble(trouble: Answer | Streamed) -> None:
    async with intercepting(trouble, responded()) as gateway:
        assert (await post(gateway, ASKED)).status_code == 200
        assert len(gateway.provider.requests) == 2


async def test_events_that_may_echo_are_rebuilt_or_left_out() -> None:
    good = response_events("yes")
    delta = good[4]
    pieces = [
        *good[:4],
        event("provider.debug", 9, prompt=CANDIDATE),
        f": {CANDIDATE}\n\n".encode(),
        delta.replace(b"event:", f"id: {CANDIDATE}\nevent:".encode()),
        delta.replace(b"event: ", b"event: Zebra."),
        good[-1],
    ]
    async with intercepting(Streamed(pieces)) as gateway:
        reply = await post(gateway, {**ASKED, "stream": True})
    assert b"Zebra" not in reply.content
    deltas = [frame for frame in SseParser().feed(reply.content) if frame.data and
              json.loads(frame.data)["type"].endswith("delta")]  # fmt: skip
    assert len(deltas) == 2


async def test_a_function_call_is_recorded_as_name_and_arguments() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1}'}
    async with intercepting(responded(output=[{"type": "reasoning"}, call])) as gateway:
        assert (await post(gateway, ASKED)).json()["output"][1] == call
        (exchange,) = await gateway.exchanges()
    assert exchange.reply == 'f({"a": 1})'
