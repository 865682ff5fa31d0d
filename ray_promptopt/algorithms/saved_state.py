"""The frame of a saved optimizer: which run it is of, what is settled and spent, how it ended.

What an algorithm keeps besides is the frame's `search`. Reservations and open work are not saved:
they follow from the jobs in flight.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import TypeAdapter

from ray_promptopt.core.budget import Budget
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import CandidateId, WorkId


class SearchSettings(Protocol):
    """What tells one run from another."""

    @property
    def train(self) -> tuple[int, ...]: ...
    @property
    def validation(self) -> tuple[int, ...]: ...
    @property
    def rng_seed(self) -> int: ...


class RunState(Protocol):
    """What a search of any algorithm holds of its run."""

    initial: Candidate
    budget: Budget
    stop: str | None

    @property
    def settings(self) -> SearchSettings: ...


@dataclass(frozen=True, slots=True)
class SavedState:
    """Everything that a restarted optimizer needs besides its settings."""

    format: str
    initial: CandidateId
    train: tuple[int, ...]
    validation: tuple[int, ...]
    rng_seed: int
    settled: tuple[WorkId, ...]
    rollouts_used: int
    stop: str | None
    search: dict[str, object]


_ADAPTER = TypeAdapter(SavedState)


def write_state(
    format_name: str, search: RunState, settled: tuple[WorkId, ...], body: dict[str, object]
) -> dict[str, object]:
    """The state as dicts, lists, strings and numbers."""
    saved = SavedState(
        format=format_name,
        initial=search.initial.id,
        train=search.settings.train,
        validation=search.settings.validation,
        rng_seed=search.settings.rng_seed,
        settled=settled,
        rollouts_used=int(search.budget.spent),
        stop=search.stop,
        search=body,
    )
    state: dict[str, object] = _ADAPTER.dump_python(saved, mode="json")
    return state


def read_state(format_name: str, search: RunState, state: Mapping[str, object]) -> SavedState:
    """A state that an optimizer of the same settings may continue from.

    Raises pydantic's ValidationError when it is damaged, JournalError when it is of another run.
    """
    saved = _ADAPTER.validate_python(state)
    pairs: list[tuple[str, object, object]] = [
        ("format", saved.format, format_name),
        ("initial candidate", saved.initial, search.initial.id),
        ("train seeds", saved.train, search.settings.train),
        ("validation seeds", saved.validation, search.settings.validation),
        ("rng_seed", saved.rng_seed, search.settings.rng_seed),
    ]
    for name, was, now in pairs:
        if was != now:
            raise JournalError(
                f"saved state is of another run: it has {name} {was}, this run has {now}; "
                "resume with the settings the run was started with"
            )
    return saved
