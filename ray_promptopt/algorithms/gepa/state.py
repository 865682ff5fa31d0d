"""The whole state of a search as JSON-compatible values, and back.

Fronts, means and open work are not saved: they follow from what is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ray_promptopt.algorithms.gepa.merge import MergeBook
from ray_promptopt.algorithms.gepa.mutation import Mutation
from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.population import Member, Population
from ray_promptopt.algorithms.gepa.search import Search, Tally
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import CandidateId, WorkId


@dataclass(frozen=True, slots=True)
class SavedMember:
    """A candidate of the population with its measurements and its component pointer."""

    member: Member
    measurements: dict[int, Measurement]
    next_component: int


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
    population = search.population
    members = tuple(
        SavedMember(member, population.measurements(index), population.next_component[index])
        for index, member in enumerate(population.members)
    )
    saved = SavedSearch(
        version=1,
        initial=search.initial.id,
        train=search.settings.train,
        validation=search.settings.validation,
        rng_seed=search.settings.rng_seed,
        members=members,
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
    _check_same_run(search, saved)
    search.population = Population(search.settings.validation, search.settings.fronts)
    for entry in saved.members:
        search.population.add(entry.member, entry.measurements, entry.next_component)
    search.budget.spent = saved.rollouts_used
    search.budget.reserved = saved.mutation.reserved
    search.mutation = saved.mutation
    search.merges = saved.merges
    search.tally = saved.tally
    search.known = set(saved.known)
    search.stop = saved.stop
    return saved.settled


def _check_same_run(search: Search, saved: SavedSearch) -> None:
    settings = search.settings
    pairs: list[tuple[str, object, object]] = [
        ("initial candidate", saved.initial, search.initial.id),
        ("train seeds", saved.train, settings.train),
        ("validation seeds", saved.validation, settings.validation),
        ("rng_seed", saved.rng_seed, settings.rng_seed),
    ]
    for name, was, now in pairs:
        if was != now:
            raise JournalError(
                f"saved GEPA state has {name} {was}, this run has {now}; "
                "resume with the settings the run was started with"
            )
