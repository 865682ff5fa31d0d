"""What the half hour of load concludes from its samples and its counts."""

import pytest

from benchmarks.serving.memory import growth
from benchmarks.soak import agrees


def samples(mb_per_hour: float) -> list[tuple[float, float]]:
    """Half an hour: a steep start, then this growth with a little unrest, and one peak."""
    warm = [(10.0 * n, 100.0 + n) for n in range(60)]
    late = [
        (10.0 * n, 160.0 + mb_per_hour * 10.0 * (n - 60) / 3600 + 0.2 * (n % 3))
        for n in range(60, 181)
    ]
    return [*warm, *late[:50], (late[50][0], 500.0), *late[51:]]


def test_a_start_and_a_peak_are_no_growth() -> None:
    grown = growth(samples(0.0))
    assert grown.flat
    assert grown.mb_per_hour == pytest.approx(0.0, abs=0.1)


def test_a_leak_of_a_tenth_an_hour_is_told() -> None:
    grown = growth(samples(16.0))
    assert not grown.flat
    assert grown.low <= 16.0 <= grown.high + 0.5


UPSTREAM = {"calls": 12, "whole": 5, "streams": 4, "broken": 1, "refused": 2}


@pytest.mark.parametrize(
    ("ledger", "verdict"),
    [
        ({"calls": 10, "answered": 9}, True),
        ({"calls": 9, "answered": 9}, False),
        ({"calls": 10, "answered": 10}, False),
        ({"calls": 10, "answered": 8, "billed wrongly": 1}, False),
    ],
)
def test_the_ledger_agrees_when_every_call_is_in_it_as_it_ended(
    ledger: dict[str, int], verdict: bool
) -> None:
    assert agrees(ledger, UPSTREAM) is verdict
