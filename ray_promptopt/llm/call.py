"""One model call made ready to be sent, and the bill of what came back for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.usage import CACHED, Spend, Usage, UsageSource
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.providers import PROVIDERS, Provider
from ray_promptopt.llm.wire import Wire

_ASKED = ("messages", "instructions", "input", "tools")


class Failed(NamedTuple):
    """An attempt that got no answer."""

    error: UpstreamError


@dataclass(frozen=True, slots=True)
class UpstreamReply:
    """A reply as the provider sent it, and what it cost. `attempts` counts from 1; a `cached`
    reply took none. `fallback_from`: see `Exchange`."""

    body: dict[str, Any]
    provider: str
    model: str
    spend: Spend
    latency_s: float
    attempts: int
    notes: tuple[str, ...]
    cached: bool = False
    fallback_from: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Address, headers (with the key: it has no repr) and body, in the provider's dialect."""

    provider: Provider
    wire: Wire
    model: UpstreamModel
    prices: Prices
    url: str
    body: dict[str, Any]
    notes: tuple[str, ...]
    trace_headers: Mapping[str, str]
    fallback_from: str | None

    @classmethod
    def of(
        cls,
        wire: Wire,
        model: UpstreamModel,
        body: Mapping[str, Any],
        prices: Prices,
        *,
        trace_headers: Mapping[str, str] = MappingProxyType({}),
        fallback_from: str | None = None,
    ) -> "Call":
        """Raises UpstreamError when the provider cannot be asked that.

        `trace_headers` let a model server join the trace of this call; `fallback_from` is what
        failed before it.
        """
        provider = PROVIDERS[model.provider]
        prepared = wire.prepare(provider, body, model)
        url = provider.url(model, wire.path)
        sent = prepared.body
        return cls(
            provider, wire, model, prices, url, sent, prepared.notes, trace_headers, fallback_from
        )

    @property
    def name(self) -> str:
        """The model as errors name it."""
        return f"{self.provider.name}/{self.model.model}"

    def headers(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Made from nothing: no header of the caller's goes upstream. Raises UpstreamError."""
        headers = {"Content-Type": "application/json", **self.trace_headers}
        key = self.provider.api_key(environ)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return headers

    def reply(self, body: dict[str, Any], *, latency_s: float, attempts: int) -> UpstreamReply:
        """The body with its bill: counted by the provider, else estimated and marked so."""
        named = str(body.get("model") or self.model.model)
        usage = self.provider.read_usage(body) or self._estimate(body)
        spend = self.prices.spend(self.provider.name, self._priced_name(named), usage)
        if self.fallback_from is not None:
            spend = replace(spend, fallback_calls=1)
        return UpstreamReply(
            body,
            self.provider.name,
            named,
            spend,
            latency_s,
            attempts,
            self.notes,
            fallback_from=self.fallback_from,
        )

    def cached_reply(self, body: dict[str, Any]) -> UpstreamReply:
        """A body that this call was given before, for nothing."""
        reply = self.reply(body, latency_s=0.0, attempts=0)
        spend = replace(CACHED, fallback_calls=reply.spend.fallback_calls)
        return replace(reply, spend=spend, cached=True)

    def _estimate(self, body: Mapping[str, Any]) -> Usage:
        asked = [self.body[name] for name in _ASKED if name in self.body]
        return Usage(
            prompt_tokens=estimate_tokens(json.dumps(asked, ensure_ascii=False)),
            completion_tokens=estimate_tokens(json.dumps(self.wire.said(body), ensure_ascii=False)),
            source=UsageSource.ESTIMATED,
        )

    def _priced_name(self, named: str) -> str:
        """The configured model where an override names it, else the one that answered."""
        if self.model.model in self.prices.overrides or self.provider.name == "embedded":
            return self.model.model
        return named
