import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_promptopt.runs.comparison import paired_comparison

SCORES = st.dictionaries(st.integers(0, 40), st.floats(0, 1), min_size=2, max_size=30)


def test_comparison_when_every_seed_gets_better_then_is_distinguishable() -> None:
    compared = paired_comparison(dict.fromkeys(range(20), 0.25), dict.fromkeys(range(20), 0.75))
    assert compared is not None
    assert (compared.low, compared.difference, compared.high) == (0.5, 0.5, 0.5)
    assert compared.distinguishable
    assert str(compared) == (
        "0.250 → 0.750, +0.500 (95 % interval +0.500 to +0.500), 20 seeds, paired"
    )


def test_comparison_when_gains_and_losses_balance_then_makes_no_claim() -> None:
    before = {seed: float(seed % 2) for seed in range(20)}
    after = {seed: float((seed + 1) % 2) for seed in range(20)}
    compared = paired_comparison(before, after)
    assert compared is not None
    assert compared.difference == 0
    assert not compared.distinguishable
    assert "not distinguishable" in str(compared)


@pytest.mark.parametrize("common", [0, 1])
def test_comparison_when_fewer_than_two_seeds_are_common_then_there_is_none(common: int) -> None:
    assert paired_comparison(dict.fromkeys(range(common), 1.0), {0: 1.0, 5: 0.0}) is None


@settings(max_examples=30)
@given(before=SCORES, after=SCORES)
def test_comparison_is_over_common_seeds_turns_around_and_repeats(
    before: dict[int, float], after: dict[int, float]
) -> None:
    compared = paired_comparison(before, after)
    if compared is None:
        assert len(before.keys() & after.keys()) < 2
        return
    assert compared.num_seeds == len(before.keys() & after.keys())
    assert compared.low - 1e-9 <= compared.difference <= compared.high + 1e-9
    assert compared == paired_comparison(before, after)
    turned = paired_comparison(after, before)
    assert turned is not None
    assert turned.low == pytest.approx(-compared.high, abs=1e-9)
    assert turned.distinguishable == compared.distinguishable
