import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.rollouts.result import ErrorKind, ErrorRecord
from ray_promptopt.runs.failure_policy import FailurePolicy, GiveUp, Retry, StopRun

DOWN = ErrorRecord(ErrorKind.INFRASTRUCTURE, "connection refused")


def test_failure_when_attempts_are_left_then_waits_longer_each_time() -> None:
    policy = FailurePolicy(max_attempts=5, max_concurrent=1)
    waits = [policy.failed(DOWN, attempt) for attempt in range(1, 5)]
    assert waits == [Retry(0.5), Retry(2.0), Retry(8.0), Retry(10.0)]
    assert policy.failed(DOWN, 5) == GiveUp()


def test_failure_when_told_when_to_come_back_then_does_not_come_earlier() -> None:
    later = ErrorRecord(ErrorKind.INFRASTRUCTURE, "busy", retry_after_s=7.0)
    assert FailurePolicy(3, 1).failed(later, 1) == Retry(7.0)
    absurd = ErrorRecord(ErrorKind.INFRASTRUCTURE, "busy", retry_after_s=1e9)
    assert FailurePolicy(3, 1).failed(absurd, 1) == Retry(3600.0)


def test_failure_when_trying_again_cannot_help_then_gives_the_item_up_at_once() -> None:
    rejected = ErrorRecord(ErrorKind.REJECTED, "no such row")
    assert FailurePolicy(3, 1).failed(rejected, 1) == GiveUp()


def test_failure_when_fatal_then_stops_the_run_with_its_words() -> None:
    fatal = ErrorRecord(ErrorKind.FATAL, "no API key")
    assert FailurePolicy(3, 1).failed(fatal, 1) == StopRun("no API key")


@pytest.mark.parametrize("max_concurrent", [1, 4, 16, 200])
def test_outage_when_all_that_is_in_flight_fails_then_stops_before_much_is_given_up(
    max_concurrent: int,
) -> None:
    policy = FailurePolicy(4, max_concurrent)
    verdicts = [
        policy.failed(DOWN, attempt) for attempt in range(1, 5) for _ in range(max_concurrent)
    ]
    if max_concurrent == 1:
        assert verdicts[-1] == GiveUp()
        return
    stopped = next(n for n, verdict in enumerate(verdicts) if isinstance(verdict, StopRun))
    assert GiveUp() not in verdicts[:stopped]
    assert f"{policy.max_in_a_row} attempts in a row failed" in str(verdicts[stopped])


@given(
    max_concurrent=st.integers(1, 64),
    fails=st.lists(st.booleans(), max_size=300),
)
def test_outage_when_successes_come_in_between_then_the_row_begins_anew(
    max_concurrent: int, fails: list[bool]
) -> None:
    policy = FailurePolicy(3, max_concurrent)
    row = 0
    for failed in fails:
        row = row + 1 if failed else 0
        if failed:
            assert isinstance(policy.failed(DOWN, 1), StopRun) == (row >= policy.max_in_a_row)
        else:
            policy.succeeded()
        assert policy.in_a_row == row
