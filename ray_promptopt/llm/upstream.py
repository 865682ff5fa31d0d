"""One model call over HTTP, with retries: the way to every provider, for gateway and coordinator.

Keys are read from the environment at the call and are in no error, log line or repr.
"""

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from ray_promptopt.core.connections import IDLE_CONNECTION_S
from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.usage import Spend, Usage, UsageSource
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.providers import PROVIDERS, Provider
from ray_promptopt.llm.retry import RetryPolicy

_LARGEST_RESPONSE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UpstreamReply:
    """A chat completion as the provider sent it, and what it cost. `attempts` counts from 1."""

    body: dict[str, Any]
    model: str
    spend: Spend
    latency_s: float
    attempts: int
    notes: tuple[str, ...]


class Upstream:
    """A connection pool to all providers. Close it with `aclose`.

    `timeout_s` bounds a call with all its retries: callers and the gateway's record wait for it.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        retry: RetryPolicy | None = None,
        timeout_s: float = 120.0,
    ) -> None:
        self._environ = environ
        self._retry = retry or RetryPolicy()
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def complete(
        self, model: UpstreamModel, body: Mapping[str, Any], prices: Prices
    ) -> UpstreamReply:
        """The completion. Raises UpstreamError once retries cannot help or are used up."""
        provider = PROVIDERS[model.provider]
        prepared = provider.prepare(body, model)
        headers = _headers(provider.api_key(self._environ))
        url = provider.url(model)
        started = time.monotonic()
        attempt, waited_s = 1, 0.0
        while True:
            left_s = self._timeout_s - (time.monotonic() - started)
            asked_wait_s, answer = await self._attempt(url, headers, prepared.body, model, left_s)
            if not isinstance(answer, UpstreamError):
                break
            wait_s = self._retry.wait_s(
                answer,
                attempt=attempt,
                waited_s=waited_s,
                retry_after_s=asked_wait_s,
                jitter=random.random(),
            )
            if wait_s is None or time.monotonic() - started + wait_s >= self._timeout_s:
                raise answer
            await asyncio.sleep(wait_s)
            attempt, waited_s = attempt + 1, waited_s + wait_s
        named = str(answer.get("model") or model.model)
        usage = provider.read_usage(answer) or estimate_usage(prepared.body, answer)
        return UpstreamReply(
            body=answer,
            model=named,
            spend=prices.spend(provider.name, _priced_name(prices, provider, model, named), usage),
            latency_s=time.monotonic() - started,
            attempts=attempt,
            notes=prepared.notes,
        )

    async def _attempt(
        self,
        url: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any],
        model: UpstreamModel,
        timeout_s: float,
    ) -> tuple[float | None, dict[str, Any] | UpstreamError]:
        """The wait that the provider asks for, and its answer or what went wrong."""
        provider = PROVIDERS[model.provider]
        name = f"{provider.name}/{model.model}"
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_S)
            self._session = aiohttp.ClientSession(connector=connector)
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=10.0)
        try:
            async with self._session.post(
                url, headers=headers, json=body, allow_redirects=False, timeout=timeout
            ) as response:
                raw = await _read(response)
                if response.status != 200:
                    wait_s = provider.asked_wait_s(response.headers, raw)
                    return wait_s, provider.classify(response.status, raw, model)
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                message = f"{name} did not answer within {self._timeout_s:g} s"
                return None, UpstreamError(message, status_code=504, code="timeout", retryable=True)
            message = f"{name} cannot be reached ({type(error).__name__})"
            return None, UpstreamError(
                message, status_code=502, code="connection_error", retryable=True
            )
        if not isinstance(raw, dict) or not _has_choice(raw):
            message = f"{name} answered 200 with something that is no chat completion"
            return None, UpstreamError(
                message, status_code=502, code="malformed_reply", retryable=True
            )
        return None, raw


def estimate_usage(body: Mapping[str, Any], reply: Mapping[str, Any]) -> Usage:
    """Marked as an estimate: for providers that do not count."""
    asked = json.dumps([body.get("messages"), body.get("tools")], ensure_ascii=False)
    answered = json.dumps(reply["choices"], ensure_ascii=False)
    return Usage(
        prompt_tokens=estimate_tokens(asked),
        completion_tokens=estimate_tokens(answered),
        source=UsageSource.ESTIMATED,
    )


def _priced_name(prices: Prices, provider: Provider, model: UpstreamModel, named: str) -> str:
    """The configured model where an override names it, else the one that answered."""
    if model.model in prices.overrides or provider.name == "embedded":
        return model.model
    return named


def _headers(key: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return headers


async def _read(response: aiohttp.ClientResponse) -> Any:
    """The decoded body; None when it is too large or no JSON."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > _LARGEST_RESPONSE_BYTES:
            return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _has_choice(body: Mapping[str, Any]) -> bool:
    choices = body.get("choices")
    return (
        isinstance(choices, list)
        and bool(choices)
        and isinstance(choices[0], dict)
        and isinstance(choices[0].get("message"), dict)
    )
