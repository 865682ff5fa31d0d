"""What the gateway answers when it refuses: errors in OpenAI's shape.

No reply holds a word of a candidate, but what the model itself wrote.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ray_promptopt.core.errors import SubstitutionError, UpstreamError

BUSY = ("gateway_overloaded", "upstream_busy")


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


class NotServed(BadRequest):
    """Another path, or another method than the path's own."""

    def __init__(self, path: str, allowed: str | None = None) -> None:
        if allowed is not None:
            super().__init__(f"this path is for {allowed} alone", status_code=405)
            self.code = "method_not_allowed"
            return
        words = (
            "the gateway serves chat/completions, responses and models below /v1/{trial id} or "
            "/v1/{run id}"
        )
        if "/responses/" in path or "/completions/" in path:
            words = "nothing is stored, so that nothing can be fetched, continued or deleted"
        super().__init__(words, status_code=404)
        self.code = "not_found"


class Overloaded(BadRequest):
    """The replica has as many calls in hand as it takes."""

    code = "gateway_overloaded"

    def __init__(self, max_calls: int) -> None:
        words = f"the gateway has {max_calls} calls in hand, as many as it takes: wait a little"
        super().__init__(words, status_code=429)


Headers = tuple[tuple[bytes, bytes], ...]


class Reply(NamedTuple):
    """Status, extra headers and body of an HTTP response."""

    status_code: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call got no answer, in words that may be shown. `fatal` stops the run."""

    status_code: int
    code: str
    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    fatal: bool = False
    retry_after_s: float | None = None

    @property
    def error(self) -> dict[str, Any]:
        """In OpenAI's shape."""
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }

    @property
    def reply(self) -> Reply:
        """The gateway has done what retrying can do, and says so to client libraries.

        What it did not even try, because too much was asked at once, may be asked again.
        """
        headers: Headers = ((b"x-should-retry", b"false"),)
        if self.code in BUSY:
            headers = ((b"x-should-retry", b"true"), (b"retry-after", b"1"))
        elif self.retry_after_s is not None:
            headers += ((b"retry-after", str(math.ceil(self.retry_after_s)).encode()),)
        return Reply(self.status_code, headers, json.dumps(self.error).encode())


def refusal_of(error: Exception) -> Refusal:
    """What is said of an error. An unforeseen one may hold a prompt: its type has to do."""
    match error:
        case BadRequest():
            return Refusal(error.status_code, error.code, error.message, param=error.param)
        case SubstitutionError():
            return Refusal(422, "substitution_failed", str(error), param="messages")
        case UpstreamError():
            given = error.status_code or 502
            status = given if given >= 400 else 502
            return Refusal(
                status,
                error.code,
                str(error),
                kind="upstream_error",
                fatal=error.fatal,
                retry_after_s=error.retry_after_s,
            )
    words = f"the gateway failed ({type(error).__name__})"
    return Refusal(500, "gateway_error", words, kind="gateway_error")


def success(body: Mapping[str, Any]) -> Reply:
    """A JSON answer."""
    return Reply(200, (), json.dumps(body).encode())
