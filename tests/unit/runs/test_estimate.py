import pytest

from ray_promptopt.runs.estimate import estimate
from tests.unit.config.documents import gepa, mipro

ROWS = {
    "mipro__bootstrap_train_seeds": list(range(60)),
    "mipro__online_pool": list(range(60, 160)),
    "mipro__test_pool": list(range(200, 220)),
}


def test_a_size_is_told_in_rollouts_calls_and_usd() -> None:
    rollouts, trials, calls, cost = estimate(mipro(**ROWS, mipro__auto="light"))
    assert rollouts.startswith("auto = light: at most ")
    assert rollouts.endswith("40 on test seeds")
    assert "of 100 validation seeds" in trials
    assert "calls of gpt-4o-mini" in calls
    assert cost.startswith("about USD ")


@pytest.mark.parametrize("rollouts", [96, 300])
def test_the_rollouts_that_are_given_are_those_that_are_told(rollouts: int) -> None:
    facts = estimate(mipro(**ROWS, mipro__auto="heavy", termination_config__max_rollouts=rollouts))
    assert f"at most {rollouts} rollouts in the search" in facts[0]
    assert f"at most {rollouts + 40} calls" in facts[2]


def test_a_limit_in_usd_and_a_price_that_is_given_are_counted_with() -> None:
    dear = {"input": 1000.0, "output": 1000.0}
    cheap = estimate(mipro(**ROWS, mipro__auto="light"))[3]
    told = estimate(
        mipro(
            **ROWS,
            mipro__auto="light",
            prices={"gpt-4o-mini": dear},
            termination_config__max_cost_usd=3,
        )
    )[3]
    assert told.endswith(", ends at USD 3")
    assert float(told.split()[2]) > 100 * float(cheap.split()[2])


def test_the_other_algorithm_has_no_estimate() -> None:
    assert estimate(gepa()) == []
