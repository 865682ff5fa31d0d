"""What all dialects share: keys, bodies, usage, and errors reduced to a code and our own words.

A provider's error text is never passed on: it may quote the prompt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.usage import Usage
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.retry import reset_s, retry_after_s

FATAL_CODES = {
    "insufficient_quota": "the account has no quota left; add credit or use another key",
    "model_not_found": "the server does not know this model; correct the model's name, or base_url",
    "model_decommissioned": "the provider has retired this model; choose its successor",
    "invalid_api_key": "the provider refused the API key; correct it where Ray was started",
    "organization_restricted": "the provider restricts this account; ask the provider",
}
RATE_LIMITED = "rate_limit_exceeded"
NOT_STORED = "store became false: the provider keeps no prompt"
CANDIDATE_CODES = {
    "context_length_exceeded": "the prompt is longer than the model's context",
    "json_word_missing": "response_format json_object needs the word JSON in the prompt",
    "json_validate_failed": "the model's answer was not the JSON that was asked for",
    "tool_use_failed": "the model's tool call was not one that the request's tools allow",
}
_SYNONYMS = {
    "string_above_max_length": "context_length_exceeded",
    "billing_not_active": "insufficient_quota",
    "billing_hard_limit_reached": "insufficient_quota",
}
_TOO_LONG = (
    "maximum context length", "context_length", "context window", "context size",
    "maximum number of tokens", "reduce the length of the messages", "prompt is too long",
)  # fmt: skip
"""How servers say in words that the prompt is longer than the context."""
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
    serves_responses: bool = True

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

    def url(self, model: UpstreamModel, path: str) -> str:
        """The endpoint of the model; `path` is that of the API."""
        base = model.base_url or self.default_base_url
        if base is None:
            raise UpstreamError(
                f"provider {self.name} needs a base_url", code="missing_base_url", fatal=True
            )
        return f"{base.rstrip('/')}/{path}"

    def prepare(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """The body for this provider, with the model's own name in it."""
        return Prepared({**body, "model": model.model}, ())

    def prepare_response(self, body: Mapping[str, Any], model: UpstreamModel) -> Prepared:
        """The body for the Responses API, which must keep nothing: it would hold the prompt."""
        if not self.serves_responses:
            raise UpstreamError(
                f"{self.name} does not serve the Responses API: call chat/completions",
                status_code=400,
                code="unsupported_api",
            )
        asked = body.get("store") not in (None, False)
        notes = (NOT_STORED,) if asked else ()
        return Prepared({**body, "model": model.model, "store": False}, notes)

    def read_usage(self, response: Mapping[str, Any]) -> Usage | None:
        """Tokens as the provider counted them; None when it does not say."""
        return read_openai_usage(response.get("usage"))

    def error_body(self, raw: Any) -> Mapping[str, Any]:
        """The error object in a decoded error response, {} when there is none.

        Other servers put it at the top, or give a bare string.
        """
        if not isinstance(raw, Mapping):
            return {}
        error = raw.get("error", raw)
        return error if isinstance(error, Mapping) else {"message": error}

    def asked_wait_s(
        self, status: int, headers: Mapping[str, str], raw: Any, now_s: float
    ) -> float | None:
        """The wait that an error response asks for; None when it does not."""
        asked = retry_after_s(headers, now_s)
        return reset_s(headers) if asked is None and status == 429 else asked

    def error_code(self, status: int, error: Mapping[str, Any]) -> str:
        """One of our codes for a provider's error."""
        return error_code(status, error)

    def classify(
        self, status: int, raw: Any, model: UpstreamModel, retry_after_s: float | None = None
    ) -> UpstreamError:
        """What an error response means for the caller."""
        code = self.error_code(status, self.error_body(raw))
        known = FATAL_CODES.get(code) or CANDIDATE_CODES.get(code)
        words = known or f"the provider answered {status} ({code})"
        return UpstreamError(
            f"{self.name}/{model.model}: {words}",
            status_code=status,
            code=code,
            retryable=not known and (status in _RETRYABLE_STATUS or status >= 500),
            fatal=code in FATAL_CODES,
            retry_after_s=retry_after_s,
        )

    def classify_event(self, error: Mapping[str, Any], model: UpstreamModel) -> UpstreamError:
        """What an error in a stream means; its status stands in `code`, if anywhere."""
        code = error.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else _status_of(error)
        return self.classify(status, {"error": error}, model)


def _status_of(error: Mapping[str, Any]) -> int:
    """The status that an error in a stream would have had as a response."""
    named = f"{error.get('code')} {error.get('type')}"
    if "rate_limit" in named or "quota" in named:
        return 429
    return 400 if "invalid_request" in named else 500


def error_code(status: int, error: Mapping[str, Any]) -> str:
    """One of our codes for a provider's error: its own code, else read from type and message."""
    message = str(error.get("message") or "").lower()
    for given in (str(error.get("code") or ""), str(error.get("type") or "")):
        code = _SYNONYMS.get(given, given)
        if code in FATAL_CODES or code in CANDIDATE_CODES:
            return code
    return _by_status(status, message) or _plain(str(error.get("code") or "")) or "upstream_error"


def _by_status(status: int, message: str) -> str | None:
    """What the status means, with the message where the status alone is ambiguous."""
    match status:
        case 401:
            return "invalid_api_key"
        case 402:
            return "insufficient_quota"
        case 404:
            return "model_not_found"
        case 429:
            out_of_quota = "quota" in message and "per minute" not in message
            return "insufficient_quota" if out_of_quota else RATE_LIMITED
        case 400 | 403 if "api key" in message:
            return "invalid_api_key"
        case 400 | 413 | 422 if any(words in message for words in _TOO_LONG):
            return "context_length_exceeded"
        case 400 if "must contain the word 'json'" in message:
            return "json_word_missing"
        case 403:
            return "forbidden"
    return None


def _plain(code: str) -> str:
    """A provider's own code, if it is one: a short word, no number and no sentence."""
    is_word = code.replace("_", "").isalnum() and not code.isdigit() and len(code) <= 40
    return code if is_word else ""


def read_openai_usage(raw: Any) -> Usage | None:
    """Usage in OpenAI's shape, of either API; None unless it is whole numbers."""
    if not isinstance(raw, Mapping):
        return None
    asked, said = ("input", "output") if "input_tokens" in raw else ("prompt", "completion")
    prompt = token_count(raw.get(f"{asked}_tokens"))
    completion = token_count(raw.get(f"{said}_tokens") or 0)
    if prompt is None or completion is None:
        return None
    details = raw.get(f"{asked}_tokens_details")
    cached = token_count(details.get("cached_tokens")) if isinstance(details, Mapping) else None
    return Usage(prompt, completion, cached_tokens=min(cached or 0, prompt))


def token_count(value: Any) -> int | None:
    """A number of tokens; None for anything that cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < _MOST_TOKENS else None


_MOST_TOKENS = 1e9
