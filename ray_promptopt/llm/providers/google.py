"""Gemini's OpenAI-compatible dialect. Source: ai.google.dev/gemini-api/docs/openai.

Errors come as a list, and a 429 says in its details whether a minute or a day is meant; thinking
tokens may be missing from `completion_tokens`; fields that it does not know are answered with 400.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ray_promptopt.core.usage import Usage
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.providers.base import (
    Prepared,
    Provider,
    read_openai_usage,
    token_count,
)

_KNOWN = frozenset(
    {
        "messages", "model", "temperature", "top_p", "n", "max_tokens", "max_completion_tokens",
        "stop", "tools", "tool_choice", "response_format", "reasoning_effort", "seed",
        "presence_penalty", "frequency_penalty", "parallel_tool_calls", "extra_body",
        "stream", "stream_options",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Google(Provider):
    """generativelanguage.googleapis.com."""

    name: str = "google"
    default_base_url: str | None = "https://generativelanguage.googleapis.com/v1beta/openai"
    key_names: tuple[str, ...] = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    serves_responses: bool = False

    def prepare(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """Drop the fields that Gemini does not know; `-gt200k` is a price, not a model."""
        name = model.model.removesuffix("-gt200k")
        prepared = {key: value for key, value in body.items() if key in _KNOWN}
        dropped = sorted(set(body) - _KNOWN)
        notes = tuple(f"{key} dropped: google does not know it" for key in dropped)
        return Prepared({**prepared, "model": name}, notes)

    def read_usage(self, response: Mapping[str, Any]) -> Usage | None:
        """Thinking is billed as output: completion is what total leaves after the prompt."""
        raw = response.get("usage")
        usage = read_openai_usage(raw)
        total = token_count(raw.get("total_tokens")) if isinstance(raw, Mapping) else None
        if usage is None or total is None:
            return usage
        thought = max(usage.completion_tokens, total - usage.prompt_tokens)
        return replace(usage, completion_tokens=thought)

    def error_body(self, raw: Any) -> Mapping[str, Any]:
        """The first error of the list."""
        return super().error_body(raw[0] if isinstance(raw, list) and raw else raw)

    def asked_wait_s(
        self, status: int, headers: Mapping[str, str], raw: Any, now_s: float
    ) -> float | None:
        """`retryDelay` of the error's details, where there is no header."""
        asked = super().asked_wait_s(status, headers, raw, now_s)
        for detail in _details(self.error_body(raw)) if asked is None else ():
            delay = _DELAY.match(str(detail.get("retryDelay")))
            if delay is not None:
                return float(delay[1])
        return asked

    def error_code(self, status: int, error: Mapping[str, Any]) -> str:
        """Every 429 speaks of quota; only one of a day's ends the run."""
        if status != 429:
            return super().error_code(status, error)
        exhausted = any("PerDay" in str(detail.get("violations")) for detail in _details(error))
        return "insufficient_quota" if exhausted else "rate_limit_exceeded"


_DELAY = re.compile(r"^(\d+(?:\.\d+)?)s$")


def _details(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping):
            yield detail
