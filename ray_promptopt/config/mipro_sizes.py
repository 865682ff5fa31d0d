"""Automatic sizes: what a MIPRO search is made with, worked out from its data and its budget.

A size says how much may be spent, as `dspy.MIPROv2(auto=...)` would: the number of candidates and
of validation rows, and from them the trials. How it is spent follows from the rollouts alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")
AutoSize = Literal["light", "medium", "heavy"]

FEWEST_ROLLOUTS = 24
"""Below this a search learns the baseline and has next to nothing left for trials."""

_CANDIDATES = {"light": 6, "medium": 12, "heavy": 18}
_MOST_VALIDATION = {"light": 100, "medium": 300, "heavy": 1000}
_REFERENCE_BATCH = 35
_REFERENCE_FULL_EVERY = 5
_LEAST_BATCH, _MOST_BATCH = 4, 35
_LEAST_INSTRUCTIONS, _MOST_INSTRUCTIONS = 4, 18
_ROLLOUTS_PER_INSTRUCTION = 100
_MOST_DEMO_SETS = 3
_ROLLOUTS_PER_DEMO_SET = 500
_LEAST_TRIALS_PER_UPDATE, _MOST_TRIALS_PER_UPDATE = 6, 16
_LEAST_NEW = 3


@dataclass(frozen=True, slots=True)
class MiproSizes:
    """How a number of rollouts is spent."""

    rollouts: int
    """The most rollouts of the search, those that learn the baseline included."""
    batch_size: int
    """Validation seeds a trial is scored on."""
    num_instructions: int
    """Instructions per component to begin with, the baseline included."""
    demo_sets_per_size: int
    """Demonstration sets made of every size."""
    full_eval_every: int
    """Trials between evaluations that extend the best."""
    trials_per_update: int
    """Trials between renewals of the instructions."""

    @property
    def num_trials(self) -> int:
        """About how many trials there will be."""
        return _num_trials(self.rollouts, self.batch_size)

    def num_meta_calls(self, num_components: int) -> int:
        """About how many calls of the meta model: a summary, the first proposals, the renewals."""
        renewals = self.num_trials // self.trials_per_update
        new = new_per_renewal(self.trials_per_update)
        return 1 + num_components * (self.num_instructions - 1 + new * renewals)


def rollouts_of(size: AutoSize, *, num_validation: int, num_stages: int) -> int:
    """What the reference would spend at this size: baseline, trials and full evaluations."""
    candidates = _CANDIDATES[size]
    validation = min(num_validation, _MOST_VALIDATION[size])
    variables = 2 * num_stages
    trials = int(max(2 * variables * math.log2(candidates), 1.5 * candidates))
    full = 2 + trials // _REFERENCE_FULL_EVERY
    return trials * min(_REFERENCE_BATCH, validation) + full * validation


def sizes_within(rollouts: int, *, num_validation: int) -> MiproSizes:
    """How to spend so many rollouts. The error of a mean falls with the root of its number, so
    that trials and their length both grow with the root of the budget."""
    batch = max(_LEAST_BATCH, min(_MOST_BATCH, round(math.sqrt(rollouts) / 2)))
    batch = min(num_validation, batch)
    instructions = rollouts // _ROLLOUTS_PER_INSTRUCTION
    demo_sets = rollouts // _ROLLOUTS_PER_DEMO_SET
    return MiproSizes(
        rollouts=rollouts,
        batch_size=batch,
        num_instructions=max(_LEAST_INSTRUCTIONS, min(_MOST_INSTRUCTIONS, instructions)),
        demo_sets_per_size=max(1, min(_MOST_DEMO_SETS, demo_sets)),
        full_eval_every=5,
        trials_per_update=max(
            _LEAST_TRIALS_PER_UPDATE,
            min(_MOST_TRIALS_PER_UPDATE, _num_trials(rollouts, batch) // 2),
        ),
    )


def new_per_renewal(trials_between: int) -> int:
    """Instructions that a renewal writes per component: as many as the trials until the next one
    can try with different demonstrations. Writing takes long, so few large renewals are faster."""
    return max(_LEAST_NEW, 3 * trials_between // 8)


def _num_trials(rollouts: int, batch_size: int) -> int:
    """An eighth of the rollouts goes into the bootstrap, up to a quarter into full evaluations."""
    return max(1, math.ceil(0.625 * rollouts / batch_size))


def spread(rows: Sequence[T], size: AutoSize) -> tuple[T, ...]:
    """At most as many as the size allows, evenly over all: rows are often sorted by class."""
    most = min(len(rows), _MOST_VALIDATION[size])
    return tuple(rows[place * len(rows) // most] for place in range(most))
