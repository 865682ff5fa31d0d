"""Spans of model calls, by OpenTelemetry's conventions for generative AI.

An exporter is used when the standard OTEL_* variables name one; else nothing is loaded and nothing
costs time. No span holds a word of what was asked or answered.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from ray_promptopt.llm.call import UpstreamReply
from ray_promptopt.llm.wire import Wire

_log = logging.getLogger(__name__)

Attribute = str | int | float | bool | list[str]
Headers = Iterable[tuple[bytes, bytes]]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_PROVIDERS = {"google": "gcp.gemini"}
"""Where the conventions have another name than ours."""
_API_TYPES = {"chat/completions": "chat_completions", "responses": "responses"}
_SETTINGS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
}
"""Numbers of a request that a span tells."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """One finished call. `provider` and `model` are those asked for; `own` are attributes of ours.

    Of `asked`, the request's body, only `_SETTINGS` are read.
    """

    wire: Wire
    provider: str
    model: str
    asked: Mapping[str, Any]
    reply: UpstreamReply | None
    failure_code: str | None = None
    own: Mapping[str, Attribute] = field(default_factory=dict)

    def attributes(self) -> dict[str, Attribute]:
        """As the conventions name them."""
        told: dict[str, Attribute] = {
            "gen_ai.operation.name": "chat",
            "openai.api.type": _API_TYPES[self.wire.path],
            **{f"ray_promptopt.{name}": value for name, value in self.own.items()},
        }
        provider = self.reply.provider if self.reply else self.provider
        if provider:
            told["gen_ai.provider.name"] = _PROVIDERS.get(provider, provider)
        if self.model:
            told["gen_ai.request.model"] = self.model
        if self.asked.get("stream") is True:
            told["gen_ai.request.stream"] = True
        for name, attribute in _SETTINGS.items():
            value = self.asked.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                told[attribute] = value
        if self.reply is not None:
            told |= _of_reply(self.wire, self.reply)
        if self.failure_code is not None:
            told["error.type"] = self.failure_code
        return told


def _of_reply(wire: Wire, reply: UpstreamReply) -> dict[str, Attribute]:
    usage = reply.spend.usage
    told: dict[str, Attribute] = {
        "gen_ai.response.model": reply.model,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "ray_promptopt.usage.source": str(usage.source),
        "ray_promptopt.attempts": reply.attempts,
    }
    if not reply.spend.unpriced_calls:
        told["ray_promptopt.cost_usd"] = reply.spend.cost_usd
    reasons = wire.finish_reasons(reply.body)
    if reasons:
        told["gen_ai.response.finish_reasons"] = reasons
    if isinstance(reply.body.get("id"), str):
        told["gen_ai.response.id"] = reply.body["id"]
    return told


class CallSpan(Protocol):
    """One call under way. `headers` go upstream, so that a model server can join the trace."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    def end(self, facts: CallFacts) -> None:
        """The call is over."""
        ...


class CallSpans(Protocol):
    """Where spans go."""

    def begin(self, headers: Headers = ()) -> CallSpan:
        """A call begins; a `traceparent` among its caller's headers is the span's parent."""
        ...

    def close(self) -> None:
        """Send what is still held back. Takes a while: not for an event loop."""
        ...


class _NoSpan:
    headers: Mapping[str, str] = MappingProxyType({})

    def end(self, facts: CallFacts) -> None:
        """Nobody asked."""


class NoSpans:
    """`CallSpans` where no exporter is configured."""

    def begin(self, headers: Headers = ()) -> CallSpan:
        """The same for all calls."""
        return _NO_SPAN

    def close(self) -> None:
        """Nothing is held back."""


_NO_SPAN = _NoSpan()


def call_spans(environ: Mapping[str, str]) -> CallSpans:
    """What the standard variables ask for. What they ask in vain is a warning, never an error."""
    if not any(environ.get(name) for name in _ENDPOINTS):
        return NoSpans()
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return NoSpans()
    if environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return NoSpans()
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _PROTOCOL)
    if protocol != _PROTOCOL:
        _log.warning("no spans: OTLP protocol %s is not spoken, use %s", protocol, _PROTOCOL)
        return NoSpans()
    try:
        from ray_promptopt.llm.otel_spans import OtelSpans
    except ImportError:
        _log.warning("no spans: install ray-promptopt[otel], or unset %s", " and ".join(_ENDPOINTS))
        return NoSpans()
    return OtelSpans()
