"""The opt-in cache of a run: what is answered from it, what never is, and what the record says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import new_run_id, new_trial_id
from ray_promptopt.core.usage import CACHED
from ray_promptopt.gateway.binding import TrialBinding
from tests.fakes.interceptor import Interceptor, chat, intercepting
from tests.fakes.providers import (
    Scripted,
    Streamed,
    chunk,
    completed,
    openai_error,
    streamed,
)

REPEATABLE = chat(temperature=0)


@asynccontextmanager
async def caching(*script: Scripted, **options: Any) -> AsyncIterator[Interceptor]:
    """A gateway whose trial wants the cache."""
    async with intercepting(*script, **options) as gateway:
        with_binding(gateway, replace(gateway.binding, response_cache=True))
        yield gateway


def with_binding(gateway: Interceptor, binding: TrialBinding) -> None:
    gateway.binding = binding
    gateway.state.plain.register(binding)


async def test_the_same_request_is_answered_again_for_nothing_and_the_record_says_so() -> None:
    async with caching(completed("first"), completed("second")) as gateway:
        replies = [await gateway.post(REPEATABLE) for _ in range(2)]
        first, hit = await gateway.exchanges()
    assert len(gateway.provider.requests) == 1
    assert replies[0].json() == replies[1].json()
    assert "x-ray-promptopt-cache" not in replies[0].headers
    assert replies[1].headers["x-ray-promptopt-cache"] == "hit"
    assert not first.cached
    assert (hit.cached, hit.spend, hit.reply) == (True, CACHED, "first")
    assert hit.model == "gpt-4o-mini-2024-07-18"
    assert (first.spend + hit.spend).cost_usd == first.spend.cost_usd > 0
    assert [report.cached for report in gateway.reports] == [False, True]
    assert [report.attempts for report in gateway.reports] == [1, 0]


async def test_without_opting_in_nothing_is_kept() -> None:
    async with intercepting(completed("first"), completed("second")) as gateway:
        said = [await gateway.post(REPEATABLE) for _ in range(2)]
    assert [reply.json()["choices"][0]["message"]["content"] for reply in said] == [
        "first", "second",
    ]  # fmt: skip


async def test_another_trials_prompt_model_or_run_is_never_answered_from_it() -> None:
    async with caching(completed()) as gateway:
        ours = gateway.binding
        others = [
            replace(ours, candidate=Candidate.of({"system": "Another prompt."})),
            replace(ours, candidate=None, baseline=None),
            replace(ours, upstream=replace(ours.upstream, model="gpt-4o")),
            replace(ours, upstream=replace(ours.upstream, provider="groq")),
            replace(ours, run_id=new_run_id()),
        ]
        await gateway.post(REPEATABLE)
        for other in others:
            with_binding(gateway, replace(other, trial_id=new_trial_id()))
            reply = await gateway.post(REPEATABLE)
            assert "x-ray-promptopt-cache" not in reply.headers
        same = replace(ours, trial_id=new_trial_id())
        with_binding(gateway, same)
        assert (await gateway.post(REPEATABLE)).headers["x-ray-promptopt-cache"] == "hit"


@pytest.mark.parametrize(
    "fields",
    [{}, {"temperature": 0.7}, {"temperature": None}, {"temperature": False}, {"seed": True}],
)
async def test_a_request_for_a_fresh_sample_gets_one(fields: dict[str, Any]) -> None:
    async with caching(completed()) as gateway:
        for _ in range(2):
            await gateway.post(chat(**fields))
    assert len(gateway.provider.requests) == 2


async def test_a_seed_makes_a_sample_repeatable_and_another_seed_is_another_sample() -> None:
    async with caching(completed()) as gateway:
        for seed in (1, 1, 2):
            await gateway.post(chat(temperature=0.7, seed=seed))
    assert [request["seed"] for request in gateway.provider.requests] == [1, 2]


async def test_what_the_model_would_not_be_sent_decides_nothing() -> None:
    """A reasoning model takes no temperature: its answers are samples."""
    async with caching(completed(), model="gpt-5-mini") as gateway:
        for _ in range(2):
            await gateway.post(REPEATABLE)
    assert len(gateway.provider.requests) == 2


async def test_a_stream_is_given_again_byte_by_byte_and_apart_from_the_whole_answer() -> None:
    async with caching(Streamed(streamed("It ", "is.")), completed("whole")) as gateway:
        given = [await gateway.post(chat(temperature=0, stream=True)) for _ in range(2)]
        whole = await gateway.post(REPEATABLE)
        first, hit, _ = await gateway.exchanges()
    assert given[1].headers["x-ray-promptopt-cache"] == "hit"
    assert given[0].content == given[1].content
    assert given[0].content.endswith(b"data: [DONE]\n\n")
    assert (first.reply, hit.reply) == ("It is.", "It is.")
    assert (hit.cached, hit.spend) == (True, CACHED)
    assert whole.json()["choices"][0]["message"]["content"] == "whole"


async def test_a_kept_stream_is_shown_to_each_caller_as_that_caller_asked_for_it() -> None:
    """The usage chunk is kept, and given only to who asks for it."""
    async with caching(Streamed(streamed("It is."))) as gateway:
        async with gateway.stream(temperature=0) as response:
            without = await response.aread()
        asking = chat(temperature=0, stream=True, stream_options={"include_usage": True})
        async with gateway.stream(asking) as response:
            with_usage = await response.aread()
    assert len(gateway.provider.requests) == 1
    assert b'"prompt_tokens"' not in without
    assert b'"prompt_tokens"' in with_usage


@pytest.mark.parametrize(
    "failure",
    [
        openai_error(400, "context_length_exceeded", "too long"),
        completed(choices=None),
        Streamed([chunk({"content": "It "})], then="break"),
        Streamed([chunk({"content": "It "})]),
        Streamed([chunk({"content": "It "}), b'data: {"error": {"message": "no"}}\n\n']),
    ],
)
async def test_a_failure_is_never_kept(failure: Scripted) -> None:
    is_stream = isinstance(failure, Streamed)
    good: Scripted = Streamed(streamed("It is.")) if is_stream else completed("It is.")
    async with caching(failure) as gateway:
        await gateway.post(chat(temperature=0, stream=is_stream))
        (failed,) = await gateway.exchanges()
        num_failed = len(gateway.provider.requests)
        gateway.provider.script = [*[failure] * num_failed, good]
        gateway.next_rollout()
        await gateway.post(chat(temperature=0, stream=is_stream))
        (mended,) = await gateway.exchanges()
    assert failed.failure is not None
    assert (mended.failure, mended.cached, mended.reply) == (None, False, "It is.")


async def test_a_stream_whose_caller_has_gone_is_kept_once_it_was_read_to_its_end() -> None:
    answer = Streamed(streamed("It ", "is."), waits_at=2)
    async with caching(answer) as gateway:
        async with gateway.stream(temperature=0) as response:
            await anext(response.aiter_raw())
        answer.go_on.set()
        await gateway.exchanges()
        reply = await gateway.post(chat(temperature=0, stream=True))
    assert reply.headers["x-ray-promptopt-cache"] == "hit"
    assert len(gateway.provider.requests) == 1
