"""Too much at once: what the gateway sends on, what it refuses, and what it says of itself."""

import asyncio
import logging

import pytest

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.gateway.limits import GatewayLimits
from ray_promptopt.llm.call import Call
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.pace import PacePolicy
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.retry import RetryPolicy
from ray_promptopt.llm.upstream import Upstream
from ray_promptopt.llm.wire import CHAT
from tests.fakes.interceptor import BASELINE, CANDIDATE, chat, intercepting
from tests.fakes.loopback import served
from tests.fakes.providers import Answer, FakeProvider, Streamed, completed, openai_error, streamed

BODY = {"messages": [{"role": "user", "content": "Where is it?"}]}


class Crowded:
    """A model server that answers so many at once, and refuses who comes on top."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.inside = 0
        self.num_refused = 0
        self._good = FakeProvider([completed()])
        self._bad = FakeProvider([openai_error(429, None, "Rate limit", retry_after="0.02")])

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        if self.inside >= self.capacity:
            self.num_refused += 1
            await self._bad(scope, receive, send)
            return
        self.inside += 1
        await asyncio.sleep(0.005)
        await self._good(scope, receive, send)
        self.inside -= 1


async def test_a_storm_of_refusals_ends_with_every_call_answered_at_the_servers_pace() -> None:
    server = Crowded(capacity=4)
    upstream = Upstream({}, pace=PacePolicy(first=64), retry=RetryPolicy(max_attempts=50))
    async with served(server) as url:
        model = UpstreamModel("openai_compatible", "m", f"{url}/v1")
        calls = (upstream.complete(Call.of(CHAT, model, BODY, Prices())) for _ in range(200))
        replies = await asyncio.gather(*calls)
        await upstream.aclose()
    assert len(replies) == 200
    assert sum(reply.attempts - 1 for reply in replies) == server.num_refused
    assert server.num_refused < 200


async def test_calls_wait_in_line_and_one_whose_time_is_over_says_why() -> None:
    hanging = FakeProvider([Answer(200, "", hangs=True)])
    upstream = Upstream({}, pace=PacePolicy(first=1), timeout_s=0.3)
    async with served(hanging) as url:
        model = UpstreamModel("openai_compatible", "m", f"{url}/v1")
        calls = (upstream.complete(Call.of(CHAT, model, BODY, Prices())) for _ in range(2))
        first, second = await asyncio.gather(*calls, return_exceptions=True)
        await upstream.aclose()
    assert isinstance(first, UpstreamError)
    assert isinstance(second, UpstreamError)
    assert {first.code, second.code} <= {"timeout", "upstream_busy"}
    assert len(hanging.requests) <= 2


async def test_a_streams_place_in_line_is_free_once_it_is_over() -> None:
    upstream = Upstream({}, pace=PacePolicy(first=1, most=1))
    async with served(FakeProvider([Streamed(streamed("yes"))])) as url:
        model = UpstreamModel("openai_compatible", "m", f"{url}/v1")
        for _ in range(3):
            stream = await upstream.stream(Call.of(CHAT, model, CHAT.as_stream(BODY), Prices()))
            assert [event async for event in stream.events()]
            await stream.aclose()
        await upstream.aclose()


async def test_a_replica_with_its_hands_full_answers_429_with_a_time_and_records_it() -> None:
    answer = Streamed(streamed("one", "two"), waits_at=2)
    async with intercepting(answer, limits=GatewayLimits(max_calls=1)) as gateway:
        async with gateway.stream() as response:
            refused = await gateway.post()
            answer.go_on.set()
            await response.aread()
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "gateway_overloaded"
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["x-should-retry"] == "true"
        assert (await gateway.post(chat(stream=True))).status_code == 200
        codes = [exchange.failure_code for exchange in await gateway.exchanges()]
    assert codes == [None, "gateway_overloaded", None]


async def test_each_answer_tells_the_gateways_own_part_of_its_time() -> None:
    async with intercepting(completed(), openai_error(400, None, "no")) as gateway:
        replies = [await gateway.post(), await gateway.post()]
        async with gateway.stream() as response:
            replies.append(response)
    for reply in replies:
        assert float(reply.headers["x-ray-promptopt-overhead-ms"]) > 0.0
    assert all(0.0 < report.overhead_s < report.latency_s + 1.0 for report in gateway.reports)
    assert [report.status_code for report in gateway.reports] == [200, 400, 400]
    assert gateway.reports[0].model == "gpt-4o-mini-2024-07-18"


async def test_one_line_is_logged_per_call_with_no_content_and_no_usable_id(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="ray_promptopt.gateway")
    async with intercepting(completed("the model's own words")) as gateway:
        await gateway.post()
        await gateway.exchanges()
    (line,) = [record.message for record in caplog.records if "gateway" in record.name]
    assert "status=200" in line
    assert "prompt_tokens=100 completion_tokens=10 usage=provider" in line
    secrets = (CANDIDATE, BASELINE, "parcel", "own words", gateway.trial_id, gateway.correlation_id)
    assert not [secret for secret in secrets if secret in line]
    assert gateway.trial_id[:12] in line
