import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_promptopt.algorithms.mipro.tpe import Point, Space, TpeSettings, Trial, Variable, suggest
from ray_promptopt.algorithms.mipro.tpe.joint import Density
from ray_promptopt.algorithms.mipro.tpe.univariate import UnivariateProposer
from ray_promptopt.algorithms.randomness import stream

SPACE = Space((Variable("instruction", (0, 1, 2, 3)), Variable("demos", (0, 1, 2))))
SETTINGS = TpeSettings(n_startup_trials=4, n_candidates=8)


def value(point: Point) -> float:
    return float(point == (2, 1)) + 0.4 * (point[0] == 2) + 0.1 * (point[1] == 1)


def search(num_trials: int, settings: TpeSettings = SETTINGS, space: Space = SPACE) -> list[Trial]:
    trials: list[Trial] = []
    for number in range(num_trials):
        point = suggest(space, trials, settings, stream(1, "ask", number))
        assert point is not None
        trials.append(Trial(point, value(point)))
    return trials


def test_suggest_when_asked_until_none_is_left_walks_through_every_point_once() -> None:
    trials = search(SPACE.size)
    assert len({trial.point for trial in trials}) == SPACE.size
    assert suggest(SPACE, trials, SETTINGS, stream(1, "ask", 99)) is None


def test_suggest_when_trials_are_equal_gives_the_same_point() -> None:
    trials = search(7)
    again = [suggest(SPACE, list(trials), SETTINGS, stream(1, "ask", 7)) for _ in range(2)]
    assert again[0] == again[1] == search(8)[7].point


def test_suggest_when_starting_tries_every_choice_before_repeating_one() -> None:
    points = [trial.point for trial in search(4, replace(SETTINGS, n_startup_trials=4))]
    assert {point[0] for point in points} == {0, 1, 2, 3}
    assert {point[1] for point in points[:3]} == {0, 1, 2}


def test_suggest_when_others_run_does_not_ask_for_their_points() -> None:
    trials = search(5)
    for number in range(5, SPACE.size):
        point = suggest(SPACE, trials, SETTINGS, stream(1, "ask", number))
        assert point not in {trial.point for trial in trials}
        trials.append(Trial(point or (0, 0), None))


def test_suggest_when_one_choice_is_clearly_good_stays_with_it() -> None:
    space = Space((Variable("a", tuple(range(6))), Variable("b", tuple(range(6)))))
    trials = [Trial((a, b), float(a == 3) + 0.01 * b) for a in range(6) for b in range(0, 6, 2)]
    greedy = replace(SETTINGS, epsilon=0.0)
    for number in range(3):
        point = suggest(space, trials, greedy, stream(1, "ask", number))
        assert point is not None
        assert point[0] == 3


def test_suggest_when_epsilon_is_one_never_looks_at_the_scores() -> None:
    uniform = replace(SETTINGS, epsilon=1.0)
    trials = search(5)
    worse = [Trial(trial.point, -value(trial.point)) for trial in trials]
    assert suggest(SPACE, trials, uniform, stream(1, "a", 0)) == suggest(
        SPACE, worse, uniform, stream(1, "a", 0)
    )


def test_suggest_when_choices_were_taken_away_and_added_uses_those_that_are_left() -> None:
    trials = search(8)
    renewed = Space((Variable("instruction", (2, 7, 8)), Variable("demos", (0, 1, 2))))
    points = set()
    for number in range(12):
        point = suggest(renewed, trials, SETTINGS, stream(1, "ask", number))
        if point is None:
            break
        assert renewed.holds(point)
        points.add(point)
        trials.append(Trial(point, value(point)))
    assert {point[0] for point in points} >= {7, 8}


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    gamma=st.floats(0, 1),
    prior=st.floats(0, 3),
    seed=st.integers(0, 1000),
)
def test_suggest_when_settings_and_scores_are_arbitrary_ends_with_the_space_exhausted(
    sizes: list[int], gamma: float, prior: float, seed: int
) -> None:
    space = Space(tuple(Variable(str(n), tuple(range(size))) for n, size in enumerate(sizes)))
    options = TpeSettings(gamma=gamma, prior_weight=prior, n_startup_trials=1, n_candidates=4)
    trials: list[Trial] = []
    while True:
        point = suggest(space, trials, options, stream(seed, "ask", len(trials)))
        if point is None:
            break
        score = None if len(trials) % 3 == 2 else float(stream(seed, "s", str(point)).normal())
        trials.append(Trial(point, score))
    assert {trial.point for trial in trials} == {
        tuple(int(place) for place in index) for index in np.ndindex(*sizes)
    }
    assert len(trials) == space.size


def test_density_when_summed_over_the_space_is_one() -> None:
    density = Density(SPACE, [(0, 0), (2, 1), (2, 1)], prior_weight=0.7)
    points = [(a, b) for a in range(4) for b in range(3)]
    assert np.exp(density.log(points)).sum() == pytest.approx(1.0)
    assert max(points, key=lambda point: density.log([point])[0]) == (2, 1)


def test_density_when_points_weigh_less_is_lower_at_them() -> None:
    points: list[Point] = [(0, 0), (2, 1)]
    logs = [
        Density(SPACE, points, 1.0, [1.0, weight]).log([(2, 1)])[0] for weight in (0.1, 0.5, 1.0)
    ]
    assert logs[0] < logs[1] < logs[2] == Density(SPACE, points, 1.0).log([(2, 1)])[0]


def test_density_when_drawn_from_gives_points_as_often_as_it_says() -> None:
    density = Density(SPACE, [(2, 1)], prior_weight=1.0)
    rng = stream(3, "draws", 0)
    hits = sum(density.draw(rng) == (2, 1) for _ in range(4000)) / 4000
    assert hits == pytest.approx(math.exp(density.log([(2, 1)])[0]), abs=0.03)


def test_hyperopt_when_a_choice_has_all_good_scores_proposes_it() -> None:
    trials = [Trial((a, b), float(a == 3)) for a in range(4) for b in range(3)]
    proposer = UnivariateProposer(SPACE, trials)
    proposed = [
        proposer.propose(seed, gamma=0.5, num_candidates=24, prior_weight=1.0) for seed in range(5)
    ]
    assert all(point[0] == 3 for point in proposed)


def test_variable_when_choices_repeat_or_lack_is_refused() -> None:
    with pytest.raises(ValueError, match="distinct"):
        Variable("a", (1, 1))
    with pytest.raises(ValueError, match="distinct"):
        Variable("a", ())
