"""What follows a failed attempt. Pure: it decides, the caller acts."""

from dataclasses import dataclass

from ray_promptopt.rollouts.result import ErrorKind, ErrorRecord

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0
_LONGEST_ASKED_WAIT_S = 3600.0
"""A server that asks for more has a wrong clock, or cannot be waited for."""
_FEWEST_IN_A_ROW = 12
"""A few bad seeds with nothing else in flight are no outage."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after so many seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """This item is lost; the run goes on."""


@dataclass(frozen=True, slots=True)
class StopRun:
    """No item of this run can succeed; `reason` says what to mend."""

    reason: str


Verdict = Retry | GiveUp | StopRun


@dataclass
class FailurePolicy:
    """`max_attempts` per item. A row of failures without one success is an outage: the run stops.

    It stops when everything in flight has come to its last attempt, before items are given up.
    """

    max_attempts: int
    max_concurrent: int
    in_a_row: int = 0

    @property
    def max_in_a_row(self) -> int:
        """Failures without one success that make an outage."""
        return max(_FEWEST_IN_A_ROW, (self.max_attempts - 1) * self.max_concurrent + 1)

    def succeeded(self) -> None:
        """An item came back scored."""
        self.in_a_row = 0

    def failed(self, error: ErrorRecord, attempt: int) -> Verdict:
        """`attempt` counts from 1 and is the one that failed."""
        if error.kind is ErrorKind.FATAL:
            return StopRun(error.message)
        self.in_a_row += 1
        if self.in_a_row >= self.max_in_a_row:
            return StopRun(f"{self.in_a_row} attempts in a row failed, the last: {error.message}")
        if error.kind is ErrorKind.REJECTED or attempt >= self.max_attempts:
            return GiveUp()
        backoff = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 4 ** (attempt - 1))
        return Retry(max(backoff, _asked_wait_s(error)))


def _asked_wait_s(error: ErrorRecord) -> float:
    return min(_LONGEST_ASKED_WAIT_S, error.retry_after_s or 0.0)
