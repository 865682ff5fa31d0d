import pytest

from ray_promptopt.runs.progress import eta_s


@pytest.mark.parametrize(
    ("done", "done_before", "expected"),
    [(200, 0, 40.0), (600, 500, 40.0), (3, 0, None), (503, 500, None), (1000, 0, None)],
)
def test_eta_whatever_was_done_before_then_is_at_the_pace_since_then(
    done: int, done_before: int, expected: float | None
) -> None:
    assert eta_s(done, 1000, done_before, elapsed_s=10.0) == expected
