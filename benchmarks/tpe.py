"""Our categorical TPE beside optuna's: `python -m benchmarks.tpe --help`.

Spaces have main effects and pairwise interactions; scores are noisy. Measured is the true value,
as a share of the way from the space's mean to its optimum, of the best point tried (`found`) and
of the point with the best score, which is what a search would answer (`answered`).
"""

import json
import platform
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Protocol

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from ray_promptopt.algorithms.mipro.tpe import Point, Space, TpeSettings, Trial, Variable, suggest
from ray_promptopt.algorithms.randomness import model_seed, stream

_OUTPUT = Path(__file__).parent / "results" / "tpe.json"
SPACES: dict[str, tuple[int, ...]] = {
    "4 of 8": (8, 8, 8, 8),
    "6 of 6": (6, 6, 6, 6, 6, 6),
    "12 x 9": (12, 9),
}
MARKS = (30, 60, 100)
PENDING = (1, 8)
INTERACTION = 0.7  # standard deviation of a pair's effect, beside 1 for a single choice
NOISE = 0.3  # of a score, beside the standard deviation over the space


class World:
    """A space with known values and scores whose noise belongs to (point, number) alone."""

    def __init__(self, sizes: tuple[int, ...], seed: int) -> None:
        rng = stream(seed, "world", str(sizes))
        values: npt.NDArray[np.float64] = np.zeros(sizes)
        axes = range(len(sizes))
        for subset in [*combinations(axes, 1), *combinations(axes, 2)]:
            scale = 1.0 if len(subset) == 1 else INTERACTION
            shape = [sizes[axis] if axis in subset else 1 for axis in axes]
            values = values + scale * rng.normal(size=shape)
        mean, spread = values.mean(), values.std()
        self.values = (values - mean) / (values.max() - mean)
        self.noise = NOISE * float(spread / (values.max() - mean))
        self.sizes, self.seed = sizes, seed

    def score(self, point: Point, number: int) -> float:
        luck = float(stream(self.seed, "noise", f"{point}.{number}").normal())
        return float(self.values[point]) + self.noise * luck


class Sampler(Protocol):
    """Asked and told from outside; numbers name the trials."""

    def ask(self, number: int) -> Point: ...

    def tell(self, number: int, score: float) -> None: ...


class Ours:
    """Rebuilt from its trials at every ask."""

    def __init__(self, world: World, num_pending: int) -> None:
        self._space = Space(
            tuple(Variable(str(place), tuple(range(n))) for place, n in enumerate(world.sizes))
        )
        self._seed = world.seed
        self._points: list[Point] = []
        self._scores: dict[int, float] = {}

    def ask(self, number: int) -> Point:
        trials = [Trial(point, self._scores.get(n)) for n, point in enumerate(self._points)]
        point = suggest(self._space, trials, TpeSettings(), stream(self._seed, "ask", number))
        assert point is not None, "the spaces are larger than the number of trials"
        self._points.append(point)
        return point

    def tell(self, number: int, score: float) -> None:
        self._scores[number] = score


class Optuna:
    """Multivariate, with a constant liar when several trials run at once."""

    def __init__(self, world: World, num_pending: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                seed=model_seed(world.seed, "optuna", 0),
                multivariate=True,
                constant_liar=num_pending > 1,
            )
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._sizes = world.sizes
        self._trials: list[optuna.trial.Trial] = []

    def ask(self, number: int) -> Point:
        trial = self._study.ask()
        self._trials.append(trial)
        return tuple(
            trial.suggest_categorical(f"v{place}", list(range(n)))
            for place, n in enumerate(self._sizes)
        )

    def tell(self, number: int, score: float) -> None:
        self._study.tell(self._trials[number], score)


class Random:
    """Uniform points."""

    def __init__(self, world: World, num_pending: int) -> None:
        self._world = world

    def ask(self, number: int) -> Point:
        rng = stream(self._world.seed, "random", number)
        return tuple(int(rng.integers(n)) for n in self._world.sizes)

    def tell(self, number: int, score: float) -> None:
        """Random search learns nothing."""


SAMPLERS: dict[str, Callable[[World, int], Sampler]] = {
    "ours": Ours,
    "optuna multivariate": Optuna,
    "random": Random,
}


@dataclass(frozen=True)
class Run:
    """One sampler in one world: what it had after each mark."""

    space: str
    sampler: str
    num_pending: int
    seed: int
    found: tuple[float, ...]
    answered: tuple[float, ...]


def run(space: str, sampler: str, num_pending: int, seed: int) -> Run:
    """Ask and tell up to the last mark; pending trials come home in any order."""
    world = World(SPACES[space], seed)
    asked: list[Point] = []
    pending: list[int] = []
    told: dict[int, float] = {}
    found: list[float] = []
    answered: list[float] = []
    asker = SAMPLERS[sampler](world, num_pending)
    order = stream(seed, "order", num_pending)
    while len(told) < MARKS[-1]:
        while len(pending) < num_pending and len(asked) < MARKS[-1]:
            pending.append(len(asked))
            asked.append(asker.ask(len(asked)))
        number = pending.pop(int(order.integers(len(pending))))
        told[number] = world.score(asked[number], number)
        asker.tell(number, told[number])
        if len(told) in MARKS:
            found.append(max(float(world.values[asked[done]]) for done in told))
            answered.append(float(world.values[asked[max(told, key=told.__getitem__)]]))
    return Run(space, sampler, num_pending, seed, tuple(found), tuple(answered))


def table(runs: Iterable[Run]) -> Table:
    """Means over the seeds."""
    shown = Table("space", "pending", "sampler", *(f"found {m}" for m in MARKS))
    for mark in MARKS:
        shown.add_column(f"answered {mark}")
    grouped: dict[tuple[str, int, str], list[Run]] = {}
    for one in runs:
        grouped.setdefault((one.space, one.num_pending, one.sampler), []).append(one)
    for (space, num_pending, sampler), group in grouped.items():
        means = np.mean([[*one.found, *one.answered] for one in group], axis=0)
        shown.add_row(space, str(num_pending), sampler, *(f"{mean:.3f}" for mean in means))
    return shown


@click.command()
@click.option("--seeds", default=20, show_default=True, help="Worlds per space.")
@click.option("--output", default=_OUTPUT, show_default=True, type=click.Path(path_type=Path))
def main(seeds: int, output: Path) -> None:
    """Run every sampler in every world; print a table, write all runs as JSON."""
    runs = [
        run(space, sampler, num_pending, seed)
        for space in SPACES
        for num_pending in PENDING
        for sampler in SAMPLERS
        for seed in range(seeds)
    ]
    Console(width=132).print(table(runs))
    packages = {name: version(name) for name in ("hyperopt", "optuna", "numpy")}
    result = {
        "versions": {"python": platform.python_version(), **packages},
        "marks": MARKS,
        "runs": [vars(one) for one in runs],
    }
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
