"""When a failed model call is tried again. Pure: the caller waits.

The gateway is the one owner of retries; it tells its clients not to add their own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ray_promptopt.core.errors import UpstreamError

_NUMBER = re.compile(r"^\d+(\.\d+)?$")


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
        retry_after_s: float | None,
        jitter: float,
    ) -> float | None:
        """Seconds to wait before the next attempt; None to give up.

        `attempt` counts from 1; `jitter` is uniform in 0..1. A provider's Retry-After is obeyed
        when it fits into what is left, and ends the call when it does not.
        """
        if not error.retryable or attempt >= self.max_attempts:
            return None
        left = self.total_wait_s - waited_s
        if retry_after_s is not None:
            return retry_after_s if retry_after_s <= left else None
        backoff = min(self.longest_wait_s, self.first_wait_s * 2 ** (attempt - 1))
        wait = backoff * (0.5 + 0.5 * jitter)
        return wait if wait <= left else None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from `retry-after-ms` or a numeric `Retry-After`; None without a usable one."""
    milliseconds = headers.get("retry-after-ms", "")
    if _NUMBER.match(milliseconds):
        return float(milliseconds) / 1000
    seconds = headers.get("Retry-After", headers.get("retry-after", ""))
    return float(seconds) if _NUMBER.match(seconds) else None
