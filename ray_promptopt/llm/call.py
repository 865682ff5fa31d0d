"""One model call made ready to be sent, and the bill of what came back for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.usage import Spend, Usage, UsageSource
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.providers import PROVIDERS, Provider
from ray_promptopt.llm.wire import Wire

_ASKED = ("messages", "instructions", "input", "tools")


class Failed(NamedTuple):
    """An attempt that got no answer, and the wait that the provider asks for before the next."""

    error: UpstreamError
    asked_wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class UpstreamReply:
    """A reply as the provider sent it, and what it cost. `attempts` counts from 1."""

    body: dict[str, Any]
    model: str
    spend: Spend
    latency_s: float
    attempts: int
    notes: tuple[str, ...]


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

    @classmethod
    def of(
        cls, wire: Wire, model: UpstreamModel, body: Mapping[str, Any], prices: Prices
    ) -> "Call":
        """Raises UpstreamError when the provider cannot be asked that."""
        provider = PROVIDERS[model.provider]
        prepared = wire.prepare(provider, body, model)
        url = provider.url(model, wire.path)
        return cls(provider, wire, model, prices, url, prepared.body, prepared.notes)

    @property
    def name(self) -> str:
        """The model as errors name it."""
        return f"{self.provider.name}/{self.model.model}"

    def headers(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Made from nothing: no header of the caller's goes upstream. Raises UpstreamError."""
        headers = {"Content-Type": "application/json"}
        key = self.provider.api_key(environ)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return headers

    def reply(self, body: dict[str, Any], *, latency_s: float, attempts: int) -> UpstreamReply:
        """The body with its bill: counted by the provider, else estimated and marked so."""
        named = str(body.get("model") or self.model.model)
        usage = self.provider.read_usage(body) or self._estimate(body)
        spend = self.prices.spend(self.provider.name, self._priced_name(named), usage)
        return UpstreamReply(body, named, spend, latency_s, attempts, self.notes)

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
