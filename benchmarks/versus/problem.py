"""What every contestant is given: a shipped classification task with rows drawn by the seed."""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ray_promptopt.core.examples import Part
from ray_promptopt.tasks.banking77 import app as banking77
from ray_promptopt.tasks.classifier import ClassifierTask, Row
from ray_promptopt.tasks.intents import app as intents

COMPONENT = "system"
"""The one text that is optimised: the system message."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows a problem takes of each part."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """What every contestant is told alike."""

    rollout_budget: int
    minibatch_size: int
    seed: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """The rows of one part: a split of the task's data, and the places in it."""

    split: str
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A task and its rows by part. Test rows are the same always."""

    task: ClassifierTask
    drawn: Mapping[Part, Drawn]

    def row(self, part: Part, place: int) -> Row:
        """The row at a place of its part, counted from 0."""
        drawn = self.drawn[part]
        return self.task.splits[drawn.split][drawn.seeds[place]]

    def places(self, part: Part) -> range:
        """Every place of a part."""
        return range(len(self.drawn[part].seeds))

    def body(self, instruction: str, row: Row, model: str) -> dict[str, Any]:
        """The chat completion that the task app would send with this system message."""
        return {
            "model": model,
            "messages": replace(self.task, instruction=instruction).messages(row.text),
            "tools": [self.task.tool()],
            "tool_choice": "required",
            "temperature": 0.0,
            "max_tokens": 512,
        }


def _draw(rows: Sequence[Row], sizes: Sequence[int], rng: random.Random) -> list[tuple[int, ...]]:
    """Disjoint random places."""
    shuffled = iter(rng.sample(range(len(rows)), sum(sizes)))
    return [tuple(itertools.islice(shuffled, size)) for size in sizes]


def _intents(seed: int, sizes: Sizes) -> Problem:
    task = intents.build_task()
    rng = random.Random(f"intents/{seed}")
    (train,) = _draw(task.splits["train"], [sizes.train], rng)
    (validation,) = _draw(task.splits["validation"], [sizes.validation], rng)
    return _problem(task, Drawn("train", train), Drawn("validation", validation), sizes.test)


def _banking77(seed: int, sizes: Sizes) -> Problem:
    task = banking77.build_task()
    rng = random.Random(f"banking77/{seed}")
    train, validation = _draw(task.splits["train"], [sizes.train, sizes.validation], rng)
    return _problem(task, Drawn("train", train), Drawn("train", validation), sizes.test)


def _problem(task: ClassifierTask, train: Drawn, validation: Drawn, num_test: int) -> Problem:
    (test,) = _draw(task.splits["test"], [num_test], random.Random("held-out"))
    drawn = {Part.TRAIN: train, Part.VALIDATION: validation, Part.TEST: Drawn("test", test)}
    return Problem(task, drawn)


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """A task that can be compared on: how to draw it, and how much of it."""

    draw: Callable[[int, Sizes], Problem]
    sizes: Sizes


TASKS = {
    "intents": TaskChoice(_intents, Sizes(train=240, validation=96, test=192)),
    "banking77": TaskChoice(_banking77, Sizes(train=300, validation=112, test=600)),
}
