"""Streams that do not end as they should, at either end: nothing hangs, everything is recorded."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest

from ray_promptopt.core.ids import CorrelationId
from ray_promptopt.core.usage import UsageSource
from ray_promptopt.gateway.limits import GatewayLimits
from tests.fakes.interceptor import Interceptor, chat, intercepting
from tests.fakes.providers import DONE_FRAME, Streamed, chunk, streamed

WORDS = [chunk({"content": "It is "}), chunk({"content": "on its way"})]
TAIL = [chunk({}, end="stop"), DONE_FRAME]
ERROR_FRAME = b'data: {"error": {"message": "Zebra quagmire", "type": "server_error"}}\n\n'


@pytest.mark.parametrize(
    ("pieces", "then", "code"),
    [
        (WORDS, "break", "connection_error"),
        ([*WORDS, b'data: {"choices": [{"in'], "break", "connection_error"),
        (WORDS, "end", "incomplete_stream"),
        ([*WORDS, b'data: {"choices": [{"in'], "end", "incomplete_stream"),
        (WORDS, "stall", "timeout"),
        ([*WORDS, b"data: {"], "stall", "timeout"),
        ([*WORDS, b"data: Zebra quagmire\n\n", *TAIL], "end", "malformed_reply"),
        ([*WORDS, b"data: [1]\n\n", *TAIL], "end", "malformed_reply"),
        ([*WORDS, ERROR_FRAME], "end", "upstream_error"),
        ([*WORDS, ERROR_FRAME.replace(b"server_error", b"insufficient_quota")], "end",
         "insufficient_quota"),
    ],
)  # fmt: skip
async def test_a_break_after_the_first_byte_is_an_error_event_without_an_end_mark(
    pieces: list[bytes], then: Any, code: str
) -> None:
    async with intercepting(Streamed(pieces, then=then), silence_s=0.5) as gateway:
        async with gateway.stream() as response:
            content = await response.aread()
        assert len(gateway.provider.requests) == 1
        (exchange,) = await gateway.exchanges()
    assert content.startswith(b"".join(WORDS))
    frames = content.removeprefix(b"".join(WORDS)).decode().split("\n\n")
    error = json.loads(frames[0].removeprefix("data: "))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["type"]) == (code, "upstream_error")
    assert frames[1:] == [""]
    assert b"Zebra" not in content
    assert (exchange.failure_code, exchange.failure) == (code, error["message"])
    assert exchange.reply == "It is on its way"
    assert exchange.spend.usage.source is UsageSource.ESTIMATED
    assert exchange.spend.usage.completion_tokens > 0


async def cut_off(gateway: Interceptor, num_bytes: int) -> CorrelationId:
    """Call, read so many bytes of the response, hang up; the rollout's id."""
    cid = gateway.state.ledger.expect()
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(chat(stream=True)).encode()
    writer.write(
        f"POST /v1/{gateway.trial_id}/chat/completions?cid={cid} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    await writer.drain()
    if num_bytes:
        await reader.readexactly(num_bytes)
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
    return cid


async def test_a_caller_that_hangs_up_at_any_byte_leaves_one_whole_trace_with_its_bill() -> None:
    async with intercepting(Streamed(streamed("It is ", "on its way"))) as gateway:
        cids = [await cut_off(gateway, num_bytes) for num_bytes in range(1, 1050, 50)]
        for cid in cids:
            trace = await gateway.state.ledger.barrier(cid)
            (exchange,) = trace.exchanges
            assert exchange.failure is None
            assert exchange.reply == "It is on its way"
            assert exchange.spend.usage.total_tokens == 110
        assert len(gateway.provider.requests) == len(cids)


async def test_a_caller_that_hangs_up_early_is_billed_for_what_comes_later() -> None:
    answer = Streamed(streamed("It is ", "on its way"), waits_at=2)
    async with intercepting(answer) as gateway:
        async with gateway.stream() as response:
            await anext(response.aiter_raw())
        answer.go_on.set()
        (exchange,) = await gateway.exchanges()
    assert exchange.reply == "It is on its way"
    assert exchange.spend.usage.total_tokens == 110


async def test_a_provider_that_stalls_after_the_caller_has_gone_is_left_within_bounds() -> None:
    answer = Streamed(WORDS, then="stall")
    async with intercepting(answer, silence_s=60.0, limits=GatewayLimits(drain_s=0.3)) as gateway:
        async with gateway.stream() as response:
            await anext(response.aiter_raw())
        (exchange,) = await gateway.exchanges()
    assert exchange.failure_code == "timeout"
    assert exchange.spend.usage.source is UsageSource.ESTIMATED


async def test_a_caller_that_does_not_read_is_given_up_and_the_call_is_closed() -> None:
    words = ["word " * 2000] * 2000
    async with intercepting(
        Streamed(streamed(*words)), limits=GatewayLimits(stall_s=0.3)
    ) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port), limit=1024)
        body = json.dumps(chat(stream=True)).encode()
        cid = gateway.correlation_id
        writer.write(
            f"POST /v1/{gateway.trial_id}/chat/completions?cid={cid} HTTP/1.1\r\nHost: x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        await gateway.provider.arrived.wait()
        (exchange,) = await gateway.exchanges()
        writer.transport.abort()
    assert exchange.failure is None
    assert len(exchange.reply) == len("".join(words))


async def test_streams_at_once_do_not_mix() -> None:
    async with intercepting(Streamed(streamed("It is ", "on its way"))) as gateway:

        async def one() -> bytes:
            async with gateway.stream() as response:
                return await response.aread()

        contents = await asyncio.gather(*(one() for _ in range(20)))
        exchanges = await gateway.exchanges()
    assert len(set(contents)) == 1
    assert [exchange.reply for exchange in exchanges] == ["It is on its way"] * 20
