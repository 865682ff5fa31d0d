import pytest

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.llm.retry import RetryPolicy, retry_after_s

PASSING = UpstreamError("busy", status_code=503, retryable=True)
LASTING = UpstreamError("no key", status_code=401, fatal=True)
POLICY = RetryPolicy(max_attempts=5, first_wait_s=0.25, longest_wait_s=1.0, total_wait_s=10.0)


@pytest.mark.parametrize(
    ("error", "attempt", "waited_s", "asked_s", "wait_s"),
    [
        (PASSING, 1, 0.0, None, 0.25),
        (PASSING, 2, 0.0, None, 0.5),
        (PASSING, 4, 0.0, None, 1.0),
        (PASSING, 5, 0.0, None, None),
        (PASSING, 1, 9.9, None, None),
        (PASSING, 1, 0.0, 7.0, 7.0),
        (PASSING, 1, 0.0, 0.0, 0.0),
        (PASSING, 1, 4.0, 7.0, None),
        (LASTING, 1, 0.0, 1.0, None),
    ],
)
def test_the_wait_before_the_next_attempt(
    error: UpstreamError, attempt: int, waited_s: float, asked_s: float | None, wait_s: float | None
) -> None:
    given = POLICY.wait_s(
        error, attempt=attempt, waited_s=waited_s, retry_after_s=asked_s, jitter=1.0
    )
    assert given == wait_s


def test_jitter_halves_a_wait_at_most() -> None:
    given = POLICY.wait_s(PASSING, attempt=1, waited_s=0.0, retry_after_s=None, jitter=0.0)
    assert given == 0.125


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_from_headers_that_are_numbers(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers) == seconds
