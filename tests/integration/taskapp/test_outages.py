"""The task app client over real connections that fail."""

import asyncio
from typing import Any

import pytest

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.taskapp.client import TaskAppClient
from tests.fakes.loopback import free_port


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.close()


async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()


async def speak_another_protocol(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.readline()
    writer.write(b"220 smtp.example ESMTP\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("connected", "words"),
    [
        (hang, "did not answer within 0.3 s"),
        (hang_up, "broke the connection off"),
        (break_off, "broke the connection off"),
        (speak_another_protocol, "broke the connection off"),
    ],
)
async def test_a_connection_that_fails_is_retryable_and_said_in_words(
    connected: Any, words: str
) -> None:
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    app = TaskAppClient(f"http://127.0.0.1:{port}", "key", timeout_s=0.3)
    try:
        with pytest.raises(TaskAppError) as caught:
            await app.rollout({})
    finally:
        await app.aclose()
        server.close()
    assert words in str(caught.value)
    assert caught.value.retryable


async def test_an_app_that_is_not_running_is_said_to_be_so() -> None:
    app = TaskAppClient(f"http://127.0.0.1:{free_port()}", "key", timeout_s=5.0)
    try:
        with pytest.raises(TaskAppError, match=r"cannot be reached \(Connection refused\): start"):
            await app.health()
    finally:
        await app.aclose()


async def test_a_host_that_does_not_exist_is_said_to_be_so() -> None:
    app = TaskAppClient("http://no-such-host.invalid:1", "key", timeout_s=5.0)
    try:
        with pytest.raises(TaskAppError, match="cannot be reached"):
            await app.health()
    finally:
        await app.aclose()
