"""What a search saves of itself, and takes back. Fronts and means follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from ray_promptopt.algorithms.gepa.merge import MergeBook
from ray_promptopt.algorithms.gepa.mutation import Mutation
from ray_promptopt.algorithms.gepa.saved_population import (
    SavedMember,
    restored_population,
    save_members,
)
from ray_promptopt.algorithms.gepa.search import Search, Tally
from ray_promptopt.core.ids import CandidateId


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """All but what `algorithms/saved_state.py` saves of every search."""

    members: tuple[SavedMember, ...]
    mutation: Mutation
    merges: MergeBook
    tally: Tally
    known: tuple[CandidateId, ...]


_ADAPTER = TypeAdapter(SavedSearch)


def save(search: Search) -> dict[str, object]:
    """What the frame does not hold."""
    saved = SavedSearch(
        members=save_members(search.population),
        mutation=search.mutation,
        merges=search.merges,
        tally=search.tally,
        known=tuple(sorted(search.known)),
    )
    state: dict[str, object] = _ADAPTER.dump_python(saved, mode="json")
    return state


def restore(search: Search, state: Mapping[str, object]) -> None:
    """Put a saved state into a search of the same settings."""
    saved = _ADAPTER.validate_python(state)
    search.population = restored_population(search.settings, saved.members)
    search.mutation = saved.mutation
    search.merges = saved.merges
    search.tally = saved.tally
    search.known = set(saved.known)
