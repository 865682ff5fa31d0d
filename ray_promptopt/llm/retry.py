"""When a failed model call is tried again. Pure: the caller waits.

The gateway is the one owner of retries; it tells its clients not to add their own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ray_promptopt.core.errors import UpstreamError

_NUMBER = re.compile(r"\d+(\.\d+)?")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LIMITS = ("requests", "tokens")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, within a number of attempts and a total wait."""

    max_attempts: int = 5
    first_wait_s: float = 0.25
    longest_wait_s: float = 20.0
    total_wait_s: float = 60.0

    def wait_s(
        self,
        error: UpstreamError,
        *,
        attempt: int,
        waited_s: float,
        jitter: float,
    ) -> float | None:
        """Seconds to wait before the next attempt; None to give up.

        `attempt` counts from 1; `jitter` is uniform in 0..1. A wait that the provider asks for is
        kept when it fits into what is left, and ends the call when it does not.
        """
        if not error.retryable or attempt >= self.max_attempts:
            return None
        left = self.total_wait_s - waited_s
        if error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s <= left else None
        backoff = min(self.longest_wait_s, self.first_wait_s * 2 ** (attempt - 1))
        wait = backoff * (0.5 + 0.5 * jitter)
        return wait if wait <= left else None


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Seconds from `retry-after-ms`, or from `Retry-After` in seconds or as a date.

    A date is by the server's own clock, if it tells it; `now_s` (of the epoch) is ours. None
    without a usable header.
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    milliseconds, after = given.get("retry-after-ms", ""), given.get("retry-after", "")
    if _NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    if _NUMBER.fullmatch(after):
        return float(after)
    until_s = _date_s(after)
    if until_s is None:
        return None
    server_s = _date_s(given.get("date", ""))
    return max(0.0, until_s - (now_s if server_s is None else server_s))


def reset_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until every limit that is used up (`x-ratelimit-remaining-…: 0`) has room again.

    Providers send these with every answer: they mean something for a 429 alone.
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    waits = [
        _duration_s(given.get(f"x-ratelimit-reset-{limit}", ""))
        for limit in _LIMITS
        if given.get(f"x-ratelimit-remaining-{limit}") == "0"
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _date_s(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _duration_s(text: str) -> float | None:
    """`6m0s`, `17ms` (OpenAI), `2m59.56s` (Groq), or bare seconds."""
    if _NUMBER.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        return None
    parts = re.findall(r"([\d.]+)(ms|[dhms])", text)
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)
