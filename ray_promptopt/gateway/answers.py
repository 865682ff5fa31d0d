"""Where the answer to a call comes from: the run's cache, the trial's model, or its fallbacks."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.replaying import AnswerStream, KeptStream, ReplayedStream
from ray_promptopt.gateway.response_cache import ResponseCache, cache_key
from ray_promptopt.llm.call import Call, UpstreamReply
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.upstream import Upstream
from ray_promptopt.llm.wire import Wire

_FALL_BACK = frozenset(
    {"upstream_busy", "insufficient_quota", "model_decommissioned", "organization_restricted"}
)
"""Failures that trying again does not mend, but another model may. A wrong key or name is not one:
it has to be mended."""
Got = TypeVar("Got")


class Question(NamedTuple):
    """A call after substitution, before a provider's dialect."""

    binding: TrialBinding
    wire: Wire
    body: Mapping[str, Any]
    trace_headers: Mapping[str, str]

    def call(self, model: UpstreamModel, fallback_from: str | None) -> Call:
        """As this model is asked. Raises UpstreamError when its provider cannot be."""
        return Call.of(
            self.wire,
            model,
            self.body,
            Prices(self.binding.prices),
            trace_headers=self.trace_headers,
            fallback_from=fallback_from,
        )


class Answers:
    """Of one replica."""

    def __init__(self, upstream: Upstream, cache: ResponseCache) -> None:
        self._upstream = upstream
        self._cache = cache

    async def whole(self, question: Question) -> UpstreamReply:
        """Raises UpstreamError, that of the trial's own model."""

        async def ask(call: Call, within_s: float) -> UpstreamReply:
            key = cache_key(question.binding, call)
            kept = self._cache.get(key) if key else None
            if kept is not None:
                return call.cached_reply(json.loads(kept))
            reply = await self._upstream.complete(call, within_s=within_s)
            if key:
                self._cache.put(key, json.dumps(reply.body).encode())
            return reply

        return await self._first_that_answers(question, ask)

    async def stream(self, question: Question) -> AnswerStream:
        """An open stream. Raises UpstreamError as `whole` does."""
        streamed = question._replace(body=question.wire.as_stream(question.body))

        async def ask(call: Call, within_s: float) -> AnswerStream:
            key = cache_key(question.binding, call)
            kept = self._cache.get(key) if key else None
            if kept is not None:
                return ReplayedStream(call, kept)
            stream = await self._upstream.stream(call, within_s=within_s)
            if key is None:
                return stream
            return KeptStream(stream, partial(self._cache.put, key))

        return await self._first_that_answers(streamed, ask)

    async def _first_that_answers(
        self, question: Question, ask: Callable[[Call, float], Awaitable[Got]]
    ) -> Got:
        """Each model has an equal share of the time that is left."""
        models = (question.binding.upstream, *question.binding.fallbacks)
        ends_s = time.monotonic() + self._upstream.timeout_s
        failures: list[UpstreamError] = []
        for number, model in enumerate(models):
            within_s = (ends_s - time.monotonic()) / (len(models) - number)
            try:
                return await ask(question.call(model, _story(models, failures)), within_s)
            except UpstreamError as error:
                failures.append(error)
                if not _may_fall_back(failures[0]):
                    break
        raise _of_all(failures)


def _may_fall_back(first: UpstreamError) -> bool:
    return first.retryable or first.code in _FALL_BACK


def _story(models: tuple[UpstreamModel, ...], failures: list[UpstreamError]) -> str | None:
    """Who failed so far, and how."""
    told = (
        f"{model.provider}/{model.model} ({failure.code})"
        for model, failure in zip(models, failures, strict=False)
    )
    return ", ".join(told) or None


def _of_all(failures: list[UpstreamError]) -> UpstreamError:
    """The first model's failure: what a fallback is refused says nothing of the trial."""
    first, *others = failures
    if not others:
        return first
    codes = ", ".join(failure.code for failure in others)
    return UpstreamError(
        f"{first}; what should stand in failed too ({codes})",
        status_code=first.status_code,
        code=first.code,
        retryable=first.retryable,
        fatal=first.fatal,
        retry_after_s=first.retry_after_s,
    )
