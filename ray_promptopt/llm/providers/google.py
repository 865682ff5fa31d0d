"""Gemini's OpenAI-compatible dialect. Source: ai.google.dev/gemini-api/docs/openai.

Errors come as a list; thinking tokens may be missing from `completion_tokens`; fields that it does
not know are answered with 400.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ray_promptopt.core.usage import Usage
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.providers.base import Prepared, Provider, read_openai_usage

_KNOWN = frozenset(
    {
        "messages", "model", "temperature", "top_p", "n", "max_tokens", "max_completion_tokens",
        "stop", "tools", "tool_choice", "response_format", "reasoning_effort", "seed",
        "presence_penalty", "frequency_penalty", "parallel_tool_calls", "extra_body",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Google(Provider):
    """generativelanguage.googleapis.com."""

    name: str = "google"
    default_base_url: str | None = "https://generativelanguage.googleapis.com/v1beta/openai"
    key_names: tuple[str, ...] = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

    def prepare(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """Drop the fields that Gemini does not know; `-gt200k` is a price, not a model."""
        name = model.model.removesuffix("-gt200k")
        prepared = {key: value for key, value in body.items() if key in _KNOWN}
        dropped = sorted(set(body) - _KNOWN)
        notes = tuple(f"{key} dropped: google does not know it" for key in dropped)
        return Prepared({**prepared, "model": name}, notes)

    def read_usage(self, response: Mapping[str, Any]) -> Usage | None:
        """Thinking is billed as output: completion is what total leaves after the prompt."""
        usage = read_openai_usage(response.get("usage"))
        total = (response.get("usage") or {}).get("total_tokens")
        if usage is None or total is None:
            return usage
        return replace(usage, completion_tokens=max(0, int(total) - usage.prompt_tokens))

    def error_body(self, raw: Any) -> Mapping[str, Any]:
        """The first error of the list."""
        return super().error_body(raw[0] if isinstance(raw, list) and raw else raw)
