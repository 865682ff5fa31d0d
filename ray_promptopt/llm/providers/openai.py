"""OpenAI's dialect, and the two that speak it: other servers of the API, and the embedded models.

Reasoning models refuse `max_tokens`, any temperature but 1, and penalties.
Source: platform.openai.com/docs/guides/reasoning.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.providers.base import Prepared, Provider

_REASONING = re.compile(r"(?:^|/)(?:gpt-[5-9]|o\d)")
"""Also behind a server that calls them by their maker's name first (`openai/gpt-5`)."""
_REFUSED = (
    "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias",
)  # fmt: skip


@dataclass(frozen=True)
class OpenAI(Provider):
    """api.openai.com."""

    name: str = "openai"
    default_base_url: str | None = "https://api.openai.com/v1"
    key_names: tuple[str, ...] = ("OPENAI_API_KEY",)

    def prepare(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """Reasoning models get the parameters that they take; what was dropped is noted."""
        prepared = {**body, "model": model.model}
        if not _REASONING.search(model.model):
            return Prepared(prepared, ())
        notes = []
        if "max_tokens" in prepared:
            limit = prepared.pop("max_tokens")
            prepared.setdefault("max_completion_tokens", limit)
            notes.append("max_tokens became max_completion_tokens")
        return Prepared(prepared, (*notes, *_drop_refused(prepared, model.model)))

    def prepare_response(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """The same for the Responses API."""
        prepared = super().prepare_response(body, model)
        if not _REASONING.search(model.model):
            return prepared
        notes = _drop_refused(prepared.body, model.model)
        return Prepared(prepared.body, (*prepared.notes, *notes))


def _drop_refused(body: dict[str, Any], model: str) -> list[str]:
    """Take out of the body what a reasoning model refuses; what it was."""
    notes = [
        f"{name} dropped: {model} refuses it"
        for name in _REFUSED
        if body.pop(name, None) is not None
    ]
    if body.get("temperature") not in (None, 1):
        del body["temperature"]
        notes.append(f"temperature dropped: {model} takes 1 alone")
    return notes


@dataclass(frozen=True)
class Compatible(OpenAI):
    """Any server of the API that the config names by `base_url`: vLLM, Ollama, a proxy of OpenAI's
    own models and others."""

    name: str = "openai_compatible"
    default_base_url: str | None = None
    key_names: tuple[str, ...] = ("OPENAI_COMPATIBLE_API_KEY",)
    key_required: bool = False


@dataclass(frozen=True)
class Embedded(Provider):
    """The package's own stand-in models; the run fills in their address."""

    name: str = "embedded"
    default_base_url: str | None = None
    key_names: tuple[str, ...] = ("EMBEDDED_API_KEY",)
    key_required: bool = False
    serves_responses: bool = False
