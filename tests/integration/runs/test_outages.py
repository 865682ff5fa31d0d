"""A run whose model server or task app fails midway stops in words, and goes on when mended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ray_promptopt.core.work import Purpose
from ray_promptopt.gateway.app import GatewayApp
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.retry import RetryPolicy
from ray_promptopt.llm.upstream import Upstream
from ray_promptopt.store.events import outcome_id
from ray_promptopt.store.run_view import RunStatus, load_view
from tests.fakes.http_world import HttpWorld, SwallowingApp
from tests.fakes.interceptor import KEYS
from tests.fakes.loopback import served
from tests.fakes.providers import Answer, FakeProvider, completed, openai_error
from tests.fakes.world import RUN


@asynccontextmanager
async def world_with(provider: FakeProvider, folder: Path) -> AsyncIterator[HttpWorld]:
    world = HttpWorld(folder)
    world.create()
    upstream = Upstream(KEYS, retry=RetryPolicy(max_attempts=2, first_wait_s=0.0))
    gateway = GatewayApp(world.state, upstream=upstream)
    async with served(provider) as provider_url, served(gateway) as gateway_url:
        world.gateway_url = gateway_url
        world.upstream = UpstreamModel("openai", "gpt-4o-mini", f"{provider_url}/v1")
        yield world
        await world.aclose()
        await gateway.aclose()


def assert_complete(world: HttpWorld, kept: list[str]) -> None:
    """Ended within its budget, every outcome once, and what was known before is not run again."""
    view = load_view(world.store, RUN)
    assert view.status is RunStatus.SUCCEEDED
    settled = settled_work(world)
    assert len(settled) == len(set(settled))
    assert settled[: len(kept)] == kept
    assert view.search_rollouts <= world.config.limits.max_rollouts
    assert view.best is not None
    assert view.rollouts_by_purpose[Purpose.HELD_OUT] in (6, 12)


def settled_work(world: HttpWorld) -> list[str]:
    keys = (outcome_id(stored.event) for stored in world.store.events(RUN))
    return [key for key in keys if key]


@pytest.mark.parametrize(
    ("outage", "words"),
    [
        (openai_error(500, None, "oops"), ["attempts in a row failed", "answered 500"]),
        (openai_error(401, "invalid_api_key", "no"), ["refused the API key", "correct it"]),
        (openai_error(429, "insufficient_quota", "no"), ["no quota left", "add credit"]),
        (Answer(200, "<html>maintenance</html>"), ["no chat completion"]),
    ],
)
async def test_a_run_survives_an_outage_of_its_model_server_with_every_token_accounted_for(
    tmp_path: Path, outage: Answer, words: list[str]
) -> None:
    provider = FakeProvider([*[completed()] * 24, outage])
    async with world_with(provider, tmp_path) as world, served(SwallowingApp()) as app_url:
        world.task_app_url = app_url
        assert await world.coordinator().run() is RunStatus.FAILED
        failed = load_view(world.store, RUN)
        for word in words:
            assert word in str(failed.reason)
        kept = settled_work(world)
        answered = 24
        provider.script = [completed()]
        asked_before = len(provider.requests)
        assert await world.coordinator().run() is RunStatus.SUCCEEDED
        answered += len(provider.requests) - asked_before
    assert_complete(world, kept)
    view = load_view(world.store, RUN)
    spent = view.policy_spend + view.held_out_spend
    assert spent.usage.total_tokens == 110 * answered


async def test_a_run_survives_the_death_of_its_task_app(tmp_path: Path) -> None:
    provider = FakeProvider([completed()])
    dying = SwallowingApp(die_after=30)
    async with world_with(provider, tmp_path) as world:
        async with served(dying) as world.task_app_url:
            running = asyncio.create_task(world.coordinator().run())
            await dying.dying.wait()
        assert await running is RunStatus.FAILED
        reason = str(load_view(world.store, RUN).reason)
        assert "cannot be reached (Connection refused): start it" in reason
        kept = settled_work(world)
        assert len(kept) >= 20
        async with served(SwallowingApp()) as world.task_app_url:
            assert await world.coordinator().run() is RunStatus.SUCCEEDED
    assert_complete(world, kept)


@pytest.mark.parametrize(
    "app_answer", ["<html>", '{"metrics": {}}', '{"metrics": {"mean_return": NaN}}']
)
async def test_a_task_app_that_answers_nonsense_ends_the_run_before_the_search(
    tmp_path: Path, app_answer: str
) -> None:
    class Nonsense(SwallowingApp):
        async def __call__(self, scope: object, receive: object, send: object) -> None:
            async def garbled(message: dict[str, object]) -> None:
                assert callable(send)
                if message["type"] == "http.response.body":
                    message = {**message, "body": app_answer.encode()}
                else:
                    length = str(len(app_answer)).encode()
                    message = {**message, "headers": [(b"content-length", length)]}
                await send(message)

            await super().__call__(scope, receive, garbled)

    provider = FakeProvider([completed()])
    async with world_with(provider, tmp_path) as world, served(Nonsense()) as world.task_app_url:
        assert await world.coordinator().run() is RunStatus.FAILED
    view = load_view(world.store, RUN)
    assert "the baseline cannot be learned" in str(view.reason)
    assert view.search_rollouts == 0
    assert world.attempts == 3
