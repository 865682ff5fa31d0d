"""The whole state of a search as JSON-compatible values, and back.

Fronts, means and open work are not saved: they follow from what is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ray_promptopt.algorithms.gepa.merge import MergeBook
from ray_promptopt.algorithms.gepa.mutation import Mutation
from ray_promptopt.algorithms.gepa.saved_population import (
    SavedMember,
    check_same_run,
    restored_population,
    save_members,
)
from ray_promptopt.algorithms.gepa.search import Search, Tally
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import CandidateId, WorkId


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """Everything that a restarted optimizer needs besides its settings."""

    version: Literal[1]
    initial: CandidateId
    train: tuple[int, ...]
    validation: tuple[int, ...]
    rng_seed: int
    members: tuple[SavedMember, ...]
    mutation: Mutation
    merges: MergeBook
    tally: Tally
    known: tuple[CandidateId, ...]
    settled: tuple[WorkId, ...]
    rollouts_used: int
    stop: str | None


_ADAPTER = TypeAdapter(SavedSearch)


def save(search: Search, settled: tuple[WorkId, ...]) -> dict[str, object]:
    """The state as dicts, lists, strings and numbers."""
    saved = SavedSearch(
        version=1,
        initial=search.initial.id,
        train=search.settings.train,
        validation=search.settings.validation,
        rng_seed=search.settings.rng_seed,
        members=save_members(search.population),
        mutation=search.mutation,
        merges=search.merges,
        tally=search.tally,
        known=tuple(sorted(search.known)),
        settled=settled,
        rollouts_used=int(search.budget.spent),
        stop=search.stop,
    )
    state: dict[str, object] = _ADAPTER.dump_python(saved, mode="json")
    return state


def restore(search: Search, state: Mapping[str, object]) -> tuple[WorkId, ...]:
    """Put a saved state into a search of the same settings; returns the settled work ids.

    Raises JournalError when the state is damaged or of another run.
    """
    try:
        saved = _ADAPTER.validate_python(state)
    except ValidationError as error:
        raise JournalError(f"saved GEPA state cannot be read: {error}") from error
    check_same_run(search.settings, search.initial, saved)
    search.population = restored_population(search.settings, saved.members)
    search.budget.spent = saved.rollouts_used
    search.budget.reserved = saved.mutation.reserved
    search.mutation = saved.mutation
    search.merges = saved.merges
    search.tally = saved.tally
    search.known = set(saved.known)
    search.stop = saved.stop
    return saved.settled
