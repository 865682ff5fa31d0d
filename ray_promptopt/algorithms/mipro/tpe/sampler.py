"""The next point worth a trial: hyperopt and local moves propose, a joint model decides."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ray_promptopt.algorithms.mipro.tpe.joint import Density
from ray_promptopt.algorithms.mipro.tpe.space import Point, Space, Trial
from ray_promptopt.algorithms.mipro.tpe.univariate import UnivariateProposer

NUM_UNIVARIATE = 4  # points asked of hyperopt per suggestion, each under a seed of its own
NUM_CENTRES = 3  # good points around which neighbours are proposed
RUNNING_WEIGHT = 0.5  # of a running trial, beside 1 of one that is known not to be good
MAX_DRAWS = 100  # tries to draw a new point before all points are walked through

_LEAST_PRIOR = 1e-3
_SEED_LIMIT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TpeSettings:
    """The `[mipro.tpe]` table."""

    gamma: float = 0.25
    """Share of the trials that count as good."""
    n_candidates: int = 24
    """Points drawn from the good density per suggestion."""
    n_startup_trials: int = 10
    """Trials that cover the choices evenly, before any density is used."""
    epsilon: float = 0.1
    """Chance of a uniformly drawn point."""
    prior_weight: float = 1.0
    """Weight of the prior against the observations."""

    @property
    def prior(self) -> float:
        """The prior's weight, never nothing: no choice is ever impossible."""
        return max(self.prior_weight, _LEAST_PRIOR)


def suggest(
    space: Space, trials: Sequence[Trial], settings: TpeSettings, rng: np.random.Generator
) -> Point | None:
    """The next point; None when every point was tried or is running."""
    tried = {trial.point for trial in trials if space.holds(trial.point)}
    if len(tried) >= space.size:
        return None
    done = [trial for trial in trials if trial.score is not None]
    if len(trials) < settings.n_startup_trials or not done:
        return _least_covered(space, trials, tried, rng)
    if rng.random() < settings.epsilon:
        return _unseen(space, tried, rng)
    return _best_candidate(space, trials, tried, settings, rng)


def _least_covered(
    space: Space, trials: Sequence[Trial], tried: set[Point], rng: np.random.Generator
) -> Point:
    """Of every variable one of the least used choices, so that a few trials see all of them."""
    used = [Counter(trial.point[place] for trial in trials) for place in _places(space)]
    for _ in range(MAX_DRAWS):
        point = tuple(
            min(variable.choices, key=lambda choice: (counts[choice], rng.random()))
            for variable, counts in zip(space.variables, used, strict=True)
        )
        if point not in tried:
            return point
    return _unseen(space, tried, rng)


def _unseen(space: Space, tried: set[Point], rng: np.random.Generator) -> Point:
    for _ in range(MAX_DRAWS):
        point = space.draw(rng)
        if point not in tried:
            return point
    points = product(*(variable.choices for variable in space.variables))
    return next(point for point in points if point not in tried)


def _best_candidate(
    space: Space,
    trials: Sequence[Trial],
    tried: set[Point],
    settings: TpeSettings,
    rng: np.random.Generator,
) -> Point:
    """The candidate that is likelier among the good trials than among the others, the most.

    Running trials count among the others: what is being tried is not asked for again nearby. They
    weigh less than a trial that is known to be bad, since they were chosen to be good.
    """
    ranked = sorted(
        ((trial.score, trial.point) for trial in trials if trial.score is not None),
        key=lambda scored: -scored[0],
    )
    num_good = max(1, math.ceil(settings.gamma * len(ranked)))
    good = [point for _, point in ranked[:num_good]]
    running = [trial.point for trial in trials if trial.score is None]
    bad = [point for _, point in ranked[num_good:]]
    good_density = Density(space, good, settings.prior)
    candidates = {
        *_univariate(space, trials, settings, rng),
        *(good_density.draw(rng) for _ in range(settings.n_candidates)),
        *_neighbours(space, [point for point in good if space.holds(point)][:NUM_CENTRES]),
    }
    new = sorted(candidates - tried) or [_unseen(space, tried, rng)]
    weights = [1.0] * len(bad) + [RUNNING_WEIGHT] * len(running)
    other_density = Density(space, bad + running, settings.prior, weights)
    ratio = good_density.log(new) - other_density.log(new)
    return new[int(np.argmax(ratio))]


def _univariate(
    space: Space, trials: Sequence[Trial], settings: TpeSettings, rng: np.random.Generator
) -> Iterable[Point]:
    """What hyperopt proposes. Its own share of good trials is `gamma` times the root of their
    number, which grows slower than ours."""
    proposer = UnivariateProposer(space, trials)
    return [
        proposer.propose(
            int(rng.integers(_SEED_LIMIT)),
            gamma=settings.gamma,
            num_candidates=settings.n_candidates,
            prior_weight=settings.prior,
        )
        for _ in range(NUM_UNIVARIATE)
    ]


def _neighbours(space: Space, centres: Sequence[Point]) -> Iterable[Point]:
    """Every point that differs from a centre in one variable."""
    for centre in centres:
        for place, variable in enumerate(space.variables):
            for choice in variable.choices:
                yield (*centre[:place], choice, *centre[place + 1 :])


def _places(space: Space) -> range:
    return range(len(space.variables))
