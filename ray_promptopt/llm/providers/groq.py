"""Groq's dialect. Source: console.groq.com/docs/openai."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.usage import Usage
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.providers.base import Prepared, Provider, read_openai_usage

_REFUSED = ("logprobs", "top_logprobs", "logit_bias")
_PREFIXED = {
    "gpt-oss-20b": "openai/gpt-oss-20b",
    "gpt-oss-120b": "openai/gpt-oss-120b",
    "qwen-32b": "qwen/qwen3-32b",
    "qwen3-32b": "qwen/qwen3-32b",
    "llama-3.3-70b": "llama-3.3-70b-versatile",
}
"""Names in configs → names that the API knows."""


@dataclass(frozen=True)
class Groq(Provider):
    """api.groq.com."""

    name: str = "groq"
    default_base_url: str | None = "https://api.groq.com/openai/v1"
    key_names: tuple[str, ...] = ("GROQ_API_KEY",)

    def prepare(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """Drop what Groq answers with 400. Raises UpstreamError on `n` other than 1."""
        if body.get("n", 1) != 1:
            raise UpstreamError(
                f"groq takes n = 1 alone, the request has n = {body['n']}",
                status_code=400,
                code="unsupported_parameter",
            )
        prepared = {**body, "model": _PREFIXED.get(model.model, model.model)}
        notes = [
            f"{name} dropped: groq refuses it"
            for name in _REFUSED
            if prepared.pop(name, None) is not None
        ]
        if any("name" in message for message in body.get("messages", [])):
            prepared["messages"] = [
                {key: value for key, value in message.items() if key != "name"}
                for message in body["messages"]
            ]
            notes.append("messages[].name dropped: groq refuses it")
        return Prepared(prepared, tuple(notes))

    def prepare_response(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """Under the name that the API knows."""
        prepared = super().prepare_response(body, model)
        name = _PREFIXED.get(model.model, model.model)
        return prepared._replace(body={**prepared.body, "model": name})

    def read_usage(self, response: Mapping[str, Any]) -> Usage | None:
        """Usage stands at the top or under `x_groq`."""
        extra = response.get("x_groq")
        nested = extra.get("usage") if isinstance(extra, Mapping) else None
        return read_openai_usage(response.get("usage")) or read_openai_usage(nested)
