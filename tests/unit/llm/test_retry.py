from datetime import UTC, datetime

import pytest

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.llm.retry import RetryPolicy, reset_s, retry_after_s

PASSING = UpstreamError("busy", status_code=503, retryable=True)
LASTING = UpstreamError("no key", status_code=401, fatal=True, retry_after_s=1.0)
POLICY = RetryPolicy(max_attempts=5, first_wait_s=0.25, longest_wait_s=1.0, total_wait_s=10.0)
NOW_S = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC).timestamp()


def asking(wait_s: float) -> UpstreamError:
    return UpstreamError("busy", status_code=429, retryable=True, retry_after_s=wait_s)


@pytest.mark.parametrize(
    ("error", "attempt", "waited_s", "wait_s"),
    [
        (PASSING, 1, 0.0, 0.25),
        (PASSING, 2, 0.0, 0.5),
        (PASSING, 4, 0.0, 1.0),
        (PASSING, 5, 0.0, None),
        (PASSING, 1, 9.9, None),
        (asking(7.0), 1, 0.0, 7.0),
        (asking(0.0), 1, 0.0, 0.0),
        (asking(7.0), 1, 4.0, None),
        (LASTING, 1, 0.0, None),
    ],
)
def test_the_wait_before_the_next_attempt(
    error: UpstreamError, attempt: int, waited_s: float, wait_s: float | None
) -> None:
    assert POLICY.wait_s(error, attempt=attempt, waited_s=waited_s, jitter=1.0) == wait_s


def test_jitter_halves_a_wait_at_most() -> None:
    given = POLICY.wait_s(PASSING, attempt=1, waited_s=0.0, jitter=0.0)
    assert given == 0.125


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:07 GMT"}, 7.0),
        ({"Retry-After": "Wednesday, 21-Oct-26 07:28:07 GMT"}, 7.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:07 GMT",
          "Date": "Wed, 21 Oct 2026 07:28:05 GMT"}, 2.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_wait_is_read_from_headers_in_seconds_or_as_a_date_by_the_servers_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers, NOW_S) == seconds


@pytest.mark.parametrize(
    ("remaining", "reset", "seconds"),
    [
        (("0", "10"), ("6m0s", "9s"), 360.0),
        (("10", "0"), ("1s", "2m59.56s"), 179.56),
        (("0", "0"), ("17ms", "1h2m3s"), 3723.0),
        (("0", "0"), ("4", "1d"), 86400.0),
        (("1", "1"), ("6m0s", "9s"), None),
        (("0", "0"), ("soon", ""), None),
    ],
)
def test_without_that_the_limit_that_is_used_up_says_when_it_has_room_again(
    remaining: tuple[str, str], reset: tuple[str, str], seconds: float | None
) -> None:
    headers = {
        "x-ratelimit-remaining-requests": remaining[0],
        "X-RateLimit-Remaining-Tokens": remaining[1],
        "x-ratelimit-reset-requests": reset[0],
        "x-ratelimit-reset-tokens": reset[1],
    }
    assert reset_s(headers) == (None if seconds is None else pytest.approx(seconds))
