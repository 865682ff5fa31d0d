"""What the gateway answers: errors in OpenAI's shape, and completions without echoes.

No reply holds a word of a candidate, but what the model itself wrote.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

_RELAYED = (
    "id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier",
    "x_groq",
)  # fmt: skip
"""Fields of a completion that are passed on; a provider's echo of the request is not."""


class BadRequest(Exception):
    """The request is not one that the gateway takes. `param` names the field at fault."""

    code = "invalid_request"

    def __init__(self, message: str, param: str | None = None, status_code: int = 400) -> None:
        super().__init__(message, param, status_code)
        self.message = message
        self.param = param
        self.status_code = status_code


class UnknownTrial(BadRequest):
    """Nobody registered this trial id, or its run has ended."""

    code = "unknown_trial"

    def __init__(self) -> None:
        super().__init__(
            "this trial id is not known, or its run has ended: use the inference_url of the "
            "rollout request, or the id of a run that this gateway serves",
            status_code=404,
        )


class Reply(NamedTuple):
    """Status, extra headers and body of an HTTP response."""

    status_code: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def completion(body: Mapping[str, Any]) -> Reply:
    """A chat completion as the caller may see it."""
    relayed = {key: body[key] for key in _RELAYED if key in body}
    return Reply(200, (), json.dumps(relayed).encode())


def error(
    status_code: int,
    code: str,
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
) -> Reply:
    """An error. The gateway has done what retrying can do, and says so to client libraries."""
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    headers = ((b"x-should-retry", b"false"),)
    return Reply(status_code, headers, json.dumps(body).encode())
