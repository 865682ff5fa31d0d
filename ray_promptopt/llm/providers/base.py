"""What all dialects share: keys, bodies, usage, and errors reduced to a code and our own words.

A provider's error text is never passed on: it may quote the prompt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.usage import Usage
from ray_promptopt.llm.models import UpstreamModel

FATAL_CODES = {
    "insufficient_quota": "the account has no quota left; add credit or use another key",
    "model_not_found": "the provider does not know this model; correct the model's name",
    "model_decommissioned": "the provider has retired this model; choose its successor",
    "invalid_api_key": "the provider refused the API key; correct it where Ray was started",
    "organization_restricted": "the provider restricts this account; ask the provider",
}
CANDIDATE_CODES = {
    "context_length_exceeded": "the prompt is longer than the model's context",
    "json_word_missing": "response_format json_object needs the word JSON in the prompt",
    "json_validate_failed": "the model's answer was not the JSON that was asked for",
}
_RETRYABLE_STATUS = frozenset({408, 409, 425, 429, 498, 499})


class Prepared(NamedTuple):
    """A body as the provider takes it, and what was changed in it."""

    body: dict[str, Any]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Provider:
    """A dialect. The defaults are OpenAI's own rules; subclasses say what differs."""

    name: str
    default_base_url: str | None
    key_names: tuple[str, ...]
    key_required: bool = True

    def api_key(self, environ: Mapping[str, str]) -> str | None:
        """The key from the environment. Raises a fatal UpstreamError when one is needed."""
        for key_name in self.key_names:
            if environ.get(key_name):
                return environ[key_name]
        if not self.key_required:
            return None
        raise UpstreamError(
            f"no API key for provider {self.name}: set {' or '.join(self.key_names)} in the "
            "environment in which Ray is started",
            status_code=401,
            code="missing_api_key",
            fatal=True,
        )

    def url(self, model: UpstreamModel) -> str:
        """The chat completions endpoint of the model."""
        base = model.base_url or self.default_base_url
        if base is None:
            raise UpstreamError(
                f"provider {self.name} needs a base_url", code="missing_base_url", fatal=True
            )
        return f"{base.rstrip('/')}/chat/completions"

    def prepare(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """The body for this provider, with the model's own name in it."""
        return Prepared({**body, "model": model.model}, ())

    def read_usage(self, response: Mapping[str, Any]) -> Usage | None:
        """Tokens as the provider counted them; None when it does not say."""
        return read_openai_usage(response.get("usage"))

    def error_body(self, raw: Any) -> Mapping[str, Any]:
        """The error object in a decoded error response, {} when there is none."""
        if isinstance(raw, Mapping) and isinstance(raw.get("error"), Mapping):
            error: Mapping[str, Any] = raw["error"]
            return error
        return {}

    def classify(self, status: int, raw: Any, model: UpstreamModel) -> UpstreamError:
        """What an error response means for the caller."""
        error = self.error_body(raw)
        code = error_code(status, error)
        known = FATAL_CODES.get(code) or CANDIDATE_CODES.get(code)
        words = known or f"the provider answered {status} ({code})"
        fatal = code in FATAL_CODES
        return UpstreamError(
            f"{self.name}/{model.model}: {words}",
            status_code=status,
            code=code,
            retryable=not known and (status in _RETRYABLE_STATUS or status >= 500),
            fatal=fatal,
        )


def error_code(status: int, error: Mapping[str, Any]) -> str:
    """One of our codes for a provider's error: its own code, else read from type and message."""
    code = str(error.get("code") or "")
    message = str(error.get("message") or "").lower()
    if code in FATAL_CODES or code in CANDIDATE_CODES:
        return code
    if status == 401 or code == "invalid_api_key" or "api key not valid" in message:
        return "invalid_api_key"
    if status == 404:
        return "model_not_found"
    if "maximum context length" in message or "context_length" in message:
        return "context_length_exceeded"
    if status == 400 and "must contain the word 'json'" in message:
        return "json_word_missing"
    if status == 429 and "quota" in message and "per minute" not in message:
        return "insufficient_quota"
    plain = code if code.replace("_", "").isalnum() and len(code) <= 40 else ""
    return plain or {429: "rate_limit_exceeded", 403: "forbidden"}.get(status, "upstream_error")


def read_openai_usage(raw: Any) -> Usage | None:
    """Usage in OpenAI's shape."""
    if not isinstance(raw, Mapping) or raw.get("prompt_tokens") is None:
        return None
    details = raw.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
    return Usage(
        prompt_tokens=int(raw["prompt_tokens"]),
        completion_tokens=int(raw.get("completion_tokens") or 0),
        cached_tokens=int(cached or 0),
    )
