import pytest

from ray_promptopt.report.charts import axis


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 995.0], ["0", "250", "500", "750", "1,000"]),
        ([0.281, 0.406], ["0.25", "0.30", "0.35", "0.40", "0.45"]),
        ([0.0, 1.0], ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        ([-3.0, 5.0], ["-4", "-2", "0", "2", "4", "6"]),
        ([0.0, 0.0], ["0.00", "0.25", "0.50"]),
    ],
)
def test_axis_whatever_the_values_then_ticks_are_round_numbers_around_them(
    values: list[float], ticks: list[str]
) -> None:
    found = axis(values, "score")
    assert [found.show(tick) for tick in found.ticks] == ticks
    assert found.low <= min(values) <= max(values) <= found.high


def test_axis_when_it_counts_things_then_has_no_halves() -> None:
    found = axis([0, 3], "rollouts", whole=True)
    assert [found.show(tick) for tick in found.ticks] == ["0", "1", "2", "3"]
