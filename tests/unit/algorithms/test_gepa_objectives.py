import numpy as np

from ray_promptopt.algorithms.gepa.objectives import Measurement, objective_values
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.usage import Spend
from ray_promptopt.core.work import Evidence, RolloutOutcome

EVIDENCE = Evidence("in", "out", "feedback")


def outcome(spend: Spend) -> RolloutOutcome:
    return RolloutOutcome(WorkId("i1.valid.validation:1"), 0.5, EVIDENCE, spend, latency_s=2.0)


def test_measurement_when_every_call_has_a_price_carries_the_cost() -> None:
    priced = Spend(cost_usd=0.25, calls=2)
    assert Measurement.of(outcome(priced)) == Measurement(0.5, 0.25, 2.0)


def test_measurement_when_one_call_has_no_price_does_not_know_the_cost() -> None:
    partly = Spend(cost_usd=0.25, calls=2, unpriced_calls=1)
    assert Measurement.of(outcome(partly)) == Measurement(0.5, None, 2.0)


def test_objectives_when_turned_into_values_are_higher_for_the_better() -> None:
    candidate = Candidate.of({"a": "x" * 9, "b": "y" * 4})  # 3 + 1 tokens
    measured = [Measurement(0.5, 0.25, 2.0), Measurement(1.0, None, 0.0)]
    values = objective_values(("latency", "prompt_tokens", "reward", "cost"), candidate, measured)
    expected = [[-2.0, 0.0], [-4.0, -4.0], [0.5, 1.0], [-0.25, np.nan]]
    np.testing.assert_array_equal(values, expected)
