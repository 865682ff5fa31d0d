"""What a hostile caller may try with URLs, headers and framing: nothing goes where it should not.

The other server in these tests answers whoever asks it, which the first test shows.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ray_promptopt.core.ids import new_correlation_id, new_trial_id
from tests.fakes.interceptor import Interceptor, chat, intercepting
from tests.fakes.loopback import served
from tests.fakes.providers import FakeProvider, completed

ALLOWED = {"host", "accept", "accept-encoding", "user-agent", "content-type", "content-length",
           "authorization"}  # fmt: skip
BODY = json.dumps(chat()).encode()


def url_of(gateway: Interceptor) -> str:
    return f"{gateway.url}/v1/{gateway.trial_id}/chat/completions?cid={gateway.correlation_id}"


async def test_the_other_server_is_there_for_who_asks_it() -> None:
    other = FakeProvider([completed()])
    async with served(other) as elsewhere, httpx.AsyncClient() as client:
        await client.post(f"{elsewhere}/v1/chat/completions", content=BODY)
    assert len(other.requests) == 1


REDIRECTING: list[Callable[[str], tuple[dict[str, str], dict[str, Any]]]] = [
    lambda url: ({"Host": url.removeprefix("http://")}, {}),
    lambda url: ({"X-Forwarded-Host": url, "Forwarded": f"host={url}"}, {}),
    lambda url: ({"X-Original-URL": url, "X-Rewrite-URL": url, "Referer": url}, {}),
    lambda url: ({"OpenAI-Base-URL": url, "X-Upstream": url, "Api-Base": url}, {}),
    lambda url: ({"X-HTTP-Method-Override": "GET"}, {"base_url": url, "api_base": url}),
    lambda url: ({}, {"model": url, "provider": "openai_compatible"}),
    lambda url: ({}, {"extra_headers": {"Host": url}, "extra_body": {"base_url": url}}),
    lambda url: ({"Proxy-Authorization": "Basic eA==", "Via": url, "Connection": "x-a"}, {}),
]


@pytest.mark.parametrize("trick", REDIRECTING)
async def test_no_header_and_no_field_of_a_request_chooses_where_it_goes(
    trick: Callable[[str], tuple[dict[str, str], dict[str, Any]]],
) -> None:
    other = FakeProvider([completed()])
    async with served(other) as elsewhere, intercepting(completed()) as gateway:
        headers, fields = trick(elsewhere)
        headers |= {"Cookie": "session=1", "X-Secret": "1", "Authorization": "Bearer callers"}
        url = url_of(gateway)
        reply = await gateway.client.post(url, json=chat(**fields), headers=headers)
        assert reply.status_code == 200
        assert other.requests == []
        assert len(gateway.provider.requests) == 1
        (sent,) = gateway.provider.headers
        assert set(sent) <= ALLOWED
        assert sent["host"] == str(gateway.binding.upstream.base_url).split("/")[2]
        assert sent["authorization"] == "Bearer sk-openai-secret"
        assert gateway.provider.requests[0]["model"] == "gpt-4o-mini"


async def test_a_redirect_of_the_provider_is_not_followed() -> None:
    other = FakeProvider([completed()])
    async with served(other) as elsewhere:
        moved = httpx.URL(f"{elsewhere}/v1/chat/completions")
        answer = completed()
        answer.status, answer.headers = 307, {"location": str(moved)}
        async with intercepting(answer) as gateway:
            assert (await gateway.post()).status_code == 502
    assert other.requests == []


async def raw(
    gateway: Interceptor, framing: str, body: bytes, target: str | None = None
) -> list[int]:
    """Send these bytes as they are; the status of every answer until the connection is closed.

    What is not whole is ended by hanging up: the server would wait for the rest.
    """
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    target = target or url_of(gateway).removeprefix(gateway.url)
    framing = framing.replace("LENGTH", str(len(body)))
    text = f"POST {target} HTTP/1.1\nHost: x\nConnection: close\n{framing}"
    writer.write(text.encode("latin-1").replace(b"\n", b"\r\n") + body)
    if not body.endswith(b"}") and not body.endswith(b"\n"):
        writer.write_eof()
    received = await reader.read()
    writer.close()
    return [int(line[9:12]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


HIDDEN = b"0\r\n\r\nPOST /v1/x/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n"
HONEST = "Content-Length: LENGTH\n\n"
FRAMING = {
    "both lengths": ("Content-Length: LENGTH\nTransfer-Encoding: chunked\n\n", HIDDEN),
    "two lengths": ("Content-Length: 5\nContent-Length: LENGTH\n\n", BODY),
    "a list of lengths": ("Content-Length: 5, LENGTH\n\n", BODY),
    "a signed length": ("Content-Length: +LENGTH\n\n", BODY),
    "a negative length": ("Content-Length: -1\n\n", BODY),
    "an unknown coding": ("Transfer-Encoding: xchunked\n\n", BODY),
    "a coding that is not the last": ("Transfer-Encoding: chunked, identity\n\n", HIDDEN),
    "a chunk of no size": ("Transfer-Encoding: chunked\n\n", b"zz\r\n" + BODY),
    "a space before the colon": ("Content-Length : LENGTH\n\n", BODY),
    "a folded header": ("X: a\n b\nContent-Length: +LENGTH\n\n", BODY),
    "a zero byte": ("X: a\0b\nContent-Length: LENGTH\n\n", BODY),
    "a header without end": ("X: " + "a" * 200_000, b""),
    "half a body": ("Content-Length: 999\n\n", BODY[:50]),
}


@pytest.mark.parametrize(("framing", "body"), FRAMING.values(), ids=FRAMING.keys())
async def test_framing_that_two_servers_could_read_differently_reaches_no_provider(
    framing: str, body: bytes
) -> None:
    async with intercepting(completed()) as gateway:
        statuses = await raw(gateway, framing, body)
        assert gateway.provider.requests == []
    assert all(status >= 400 for status in statuses)


async def test_the_same_bytes_with_one_honest_length_do_reach_it() -> None:
    async with intercepting(completed()) as gateway:
        assert await raw(gateway, HONEST, BODY) == [200]
        assert len(gateway.provider.requests) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/{trial}/{other}/chat/completions",
        "/v1/{other}/../{trial}/chat/completions",
        "/v1/{trial}/{cid}/chat/completions?cid={other_cid}",
        "/v1/{trial}/chat/completions?cid={cid}&cid={other_cid}",
        "/v1/{trial}%00/chat/completions",
        "/v1/{trial}/chat/completions%00",
        "/v1/{trial}/chat/completions/../../{other}/models",
    ],
)
async def test_a_url_that_names_two_trials_or_rollouts_is_of_neither(path: str) -> None:
    async with intercepting(completed()) as gateway:
        names = {
            "trial": gateway.trial_id,
            "other": new_trial_id(),
            "cid": gateway.correlation_id,
            "other_cid": new_correlation_id(),
        }
        assert await raw(gateway, HONEST, BODY, path.format(**names)) == [404]
        assert gateway.provider.requests == []
        assert await gateway.exchanges() == ()
