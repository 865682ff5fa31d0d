from hypothesis import given, settings
from hypothesis import strategies as st

from ray_promptopt.algorithms.mipro.estimates import clearly_worse, estimates


def test_estimate_when_seeds_were_easy_is_not_raised_by_them() -> None:
    everywhere = {seed: float(seed < 5) for seed in range(10)}
    easy_alone = {seed: 1.0 for seed in range(5)}
    better = {seed: float(seed < 7) for seed in range(10)}
    worse_on_easy = {seed: float(seed < 3) for seed in range(5)}
    values = estimates([everywhere, easy_alone, better, worse_on_easy], range(10))
    assert abs(values[1] - values[0]) < 0.2  # plain means are 0.5 apart
    assert values[2] > values[1] > values[3]


def test_estimate_when_scores_are_few_is_nearer_to_the_mean() -> None:
    values = estimates(
        [dict.fromkeys(range(10), 0.5), {0: 1.0}, dict.fromkeys(range(10), 1.0)], range(10)
    )
    assert values[0] < values[1] < values[2]


def test_estimate_when_nothing_is_scored_is_zero() -> None:
    assert estimates([{}, {}], range(4)) == [0.0, 0.0]


@settings(deadline=None)
@given(st.permutations(range(6)))
def test_estimates_do_not_depend_on_the_order_of_the_scores(order: list[int]) -> None:
    scores = [{seed: seed % 3 / 2 for seed in order}, {seed: 1.0 for seed in order[:3]}]
    ordered = [dict(sorted(row.items())) for row in scores]
    assert estimates(scores, range(6)) == estimates(ordered, range(6))


def test_clearly_worse_needs_common_seeds_and_a_clear_difference() -> None:
    best = dict.fromkeys(range(6), 1.0)
    assert clearly_worse(dict.fromkeys(range(3), 0.0), best)
    assert not clearly_worse({0: 0.0, 1: 0.0}, best)
    assert not clearly_worse({0: 1.0, 1: 1.0, 2: 1.0}, best)
    assert not clearly_worse({0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0}, best)
