"""What every contestant is given: a shipped classification task with rows drawn by the seed."""

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
class Problem:
    """A task and its rows; a row's seed is its place in its part. Test rows are the same always."""

    task: ClassifierTask
    rows: Mapping[Part, Sequence[Row]]

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


def _draw(pool: Sequence[Row], sizes: Sequence[int], rng: random.Random) -> list[list[Row]]:
    """Disjoint random parts of a pool."""
    shuffled = rng.sample(pool, sum(sizes))
    parts, start = [], 0
    for size in sizes:
        parts.append(shuffled[start : start + size])
        start += size
    return parts


def _intents(seed: int, sizes: Sizes) -> Problem:
    task = intents.build_task()
    rng = random.Random(f"intents/{seed}")
    (train,) = _draw(task.splits["train"], [sizes.train], rng)
    (validation,) = _draw(task.splits["validation"], [sizes.validation], rng)
    return _problem(task, train, validation, sizes.test)


def _banking77(seed: int, sizes: Sizes) -> Problem:
    task = banking77.build_task()
    rng = random.Random(f"banking77/{seed}")
    train, validation = _draw(task.splits["train"], [sizes.train, sizes.validation], rng)
    return _problem(task, train, validation, sizes.test)


def _problem(
    task: ClassifierTask, train: Sequence[Row], validation: Sequence[Row], num_test: int
) -> Problem:
    test = random.Random("held-out").sample(task.splits["test"], num_test)
    return Problem(task, {Part.TRAIN: train, Part.VALIDATION: validation, Part.TEST: test})


@dataclass(frozen=True, slots=True)
class TaskChoice:
    """A task that can be compared on: how to draw it, and how much of it."""

    draw: Callable[[int, Sizes], Problem]
    sizes: Sizes


TASKS = {
    "intents": TaskChoice(_intents, Sizes(train=240, validation=96, test=192)),
    "banking77": TaskChoice(_banking77, Sizes(train=300, validation=112, test=600)),
}
