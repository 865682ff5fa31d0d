"""Streams through the gateway: the caller's bytes, the trace, the bill."""

import json
from typing import Any

import pytest

from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.usage import UsageSource
from tests.fakes.interceptor import CANDIDATE, chat, intercepting
from tests.fakes.providers import (
    DONE_FRAME,
    USAGE_CHUNK,
    Answer,
    Streamed,
    chunk,
    completed,
    openai_error,
    streamed,
)

ASKED = {"stream_options": {"include_usage": True}}


async def received(*script: Answer | Streamed, **options: Any) -> tuple[bytes, Exchange]:
    """The bytes of one streamed call, and what was recorded of it."""
    fields = options.pop("fields", {})
    async with intercepting(*script, **options) as gateway:
        async with gateway.stream(**fields) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            content = await response.aread()
        (exchange,) = await gateway.exchanges()
    return content, exchange


async def test_a_stream_comes_through_byte_for_byte_and_its_trace_is_that_of_any_call() -> None:
    pieces = streamed("It is ", "on its ", "w\u00e4y\u2028.")
    content, exchange = await received(Streamed(pieces), fields=ASKED)
    assert content == b"".join(pieces)
    assert exchange.reply == "It is on its w\u00e4y\u2028."
    assert exchange.failure is None
    assert exchange.status_code == 200
    assert exchange.model == "gpt-4o-mini-2024-07-18"
    assert exchange.spend.usage.total_tokens == 110
    assert exchange.spend.cost_usd == pytest.approx((100 * 0.15 + 10 * 0.60) / 1e6)


@pytest.mark.parametrize("blank", [b"\r\n\r\n", b"\r\r"])
async def test_other_line_ends_stay_as_they_are(blank: bytes) -> None:
    pieces = [piece.replace(b"\n\n", blank) for piece in streamed("yes")]
    content, exchange = await received(Streamed(pieces), fields=ASKED)
    assert content == b"".join(pieces)
    assert exchange.reply == "yes"


async def test_frames_cut_into_single_bytes_come_through_whole() -> None:
    whole = b"".join(streamed("yes"))
    pieces = [whole[place : place + 1] for place in range(len(whole))]
    content, exchange = await received(Streamed(pieces), fields=ASKED)
    assert content == whole
    assert exchange.reply == "yes"


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}])
async def test_usage_is_asked_for_and_its_chunk_kept_from_a_caller_that_did_not(
    options: dict[str, Any] | None,
) -> None:
    pieces = streamed("yes")
    async with intercepting(Streamed(pieces)) as gateway:
        async with gateway.stream(stream_options=options) as response:
            content = await response.aread()
        sent = gateway.provider.requests[0]
        (exchange,) = await gateway.exchanges()
    assert sent["stream_options"] == {"include_usage": True}
    assert sent["messages"][0]["content"] == CANDIDATE
    assert content == b"".join(piece for piece in pieces if piece != USAGE_CHUNK)
    assert exchange.spend.usage.total_tokens == 110


async def test_each_frame_is_passed_on_before_the_next_one_is_there() -> None:
    answer = Streamed(streamed("one", "two"), waits_at=2)
    async with intercepting(answer) as gateway, gateway.stream() as response:
        pieces = response.aiter_raw()
        got = b""
        while b"one" not in got:
            got += await anext(pieces)
        assert answer.num_sent == 2
        answer.go_on.set()
        assert b"two" in b"".join([piece async for piece in pieces])


@pytest.mark.parametrize(
    ("provider", "pieces", "prompt", "completion"),
    [
        ("google", [chunk({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 1,
          "total_tokens": 10}), chunk({"content": "b"}, end="stop", usage={"prompt_tokens": 9,
          "completion_tokens": 2, "total_tokens": 40}), DONE_FRAME], 9, 31),
        ("groq", [chunk({"content": "ab"}, x_groq={"id": "req"}), chunk({}, end="stop",
          x_groq={"id": "req", "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
          DONE_FRAME], 7, 3),
        ("openai_compatible", [chunk({"content": "ab"}, end="stop", usage={"prompt_tokens": 5,
          "completion_tokens": 2}), DONE_FRAME], 5, 2),
    ],
)  # fmt: skip
async def test_usage_is_found_where_each_provider_puts_it(
    provider: str, pieces: list[bytes], prompt: int, completion: int
) -> None:
    content, exchange = await received(Streamed(pieces), provider=provider)
    assert content == b"".join(pieces)
    assert exchange.reply == "ab"
    usage = exchange.spend.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (prompt, completion)
    assert usage.source is UsageSource.PROVIDER


async def test_a_stream_without_usage_is_estimated_and_marked() -> None:
    pieces = [chunk({"content": "some words of an answer"}, end="stop"), DONE_FRAME]
    _, exchange = await received(Streamed(pieces), provider="openai_compatible")
    assert exchange.spend.usage.source is UsageSource.ESTIMATED
    assert exchange.spend.usage.completion_tokens > 4
    assert exchange.spend.unpriced_calls == 1


async def test_fragments_of_tool_calls_reach_the_trace_joined_by_index() -> None:
    def part(index: int, name: str | None, arguments: str) -> bytes:
        function = {"name": name, "arguments": arguments}
        return chunk({"tool_calls": [{"index": index, "function": function}]})

    pieces = [part(0, "f", ""), part(1, "g", ""), part(0, None, '{"a"'), part(1, None, "{}"),
              part(0, None, ": 1}"), chunk({}, end="tool_calls"), DONE_FRAME]  # fmt: skip
    content, exchange = await received(Streamed(pieces))
    assert content == b"".join(pieces)
    assert exchange.reply == 'f({"a": 1})\ng({})'


@pytest.mark.parametrize(
    "last", [[], [b"data: [DONE]"], [b"data: [DONE]\n"], [b": bye\n\n", DONE_FRAME]]
)
async def test_servers_that_end_their_streams_in_their_own_way_are_understood(
    last: list[bytes],
) -> None:
    content, exchange = await received(Streamed([chunk({"content": "x"}, end="stop"), *last]))
    assert exchange.failure is None
    assert content.endswith(DONE_FRAME) or not last


async def test_an_end_mark_alone_says_that_the_answer_is_whole() -> None:
    pieces = [chunk({"content": "x"}), DONE_FRAME]
    content, exchange = await received(Streamed(pieces))
    assert content == b"".join(pieces)
    assert exchange.failure is None


@pytest.mark.parametrize(
    "trouble",
    [
        openai_error(500, None, "The server had an error"),
        openai_error(429, None, "Rate limit", retry_after="0"),
        Answer(200, "<html>Sign in</html>"),
        completed(),
        Streamed([]),
        Streamed([b": only a comment\n\n"], then="break"),
        Streamed([b"data: no json\n\n"]),
        Streamed([b'data: {"error": {"message": "Internal", "type": "server_error"}}\n\n']),
        Streamed([b"data: {"], then="break"),
        Streamed([], then="break"),
        Streamed([DONE_FRAME]),
    ],
)
async def test_trouble_before_the_first_event_is_retried_and_the_caller_sees_the_answer(
    trouble: Answer | Streamed,
) -> None:
    good = streamed("yes")
    content, exchange = await received(trouble, Streamed(good), fields=ASKED)
    assert content == b"".join(good)
    assert exchange.failure is None


async def test_an_error_before_the_first_event_is_an_error_response_like_any_other() -> None:
    async with intercepting(openai_error(404, "model_not_found", "no such model")) as gateway:
        response = await gateway.post(chat(stream=True))
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/json"
        assert response.json()["error"]["code"] == "model_not_found"
        (exchange,) = await gateway.exchanges()
    assert exchange.fatal


@pytest.mark.parametrize("options", ["yes", [1], 7])
async def test_stream_options_that_are_no_object_are_refused(options: Any) -> None:
    async with intercepting(completed()) as gateway:
        response = await gateway.post(chat(stream=True, stream_options=options))
        assert response.status_code == 400
        assert response.json()["error"]["param"] == "stream_options"


async def test_what_a_server_echoes_of_the_prompt_is_taken_out_of_its_frames() -> None:
    echo = f"your prompt: {CANDIDATE}"
    pieces = [
        f": {echo}\n\n".encode(),
        chunk({"content": "a"}, prompt_logprobs=[echo], messages=echo),
        chunk({"content": "b"}).replace(b'"delta"', f'"prompt_text": "{echo}", "delta"'.encode()),
        chunk({}, end="stop").replace(b"data:", f"id: {echo}\ndata:".encode()),
        f"event: {echo}\ndata: [DONE]\n\n".encode(),
    ]
    content, exchange = await received(Streamed(pieces))
    assert b"Zebra" not in content
    shown = [line[6:] for line in content.decode().splitlines() if line.startswith("data: ")]
    assert shown[-1] == "[DONE]"
    deltas = [json.loads(line)["choices"][0]["delta"] for line in shown[:-1]]
    assert deltas == [{"content": "a"}, {"content": "b"}, {}]
    assert exchange.reply == "ab"
