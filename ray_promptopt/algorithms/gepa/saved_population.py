"""The population in a saved state, and whether the state belongs to this run. Both schedules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.population import Member, Population
from ray_promptopt.algorithms.gepa.settings import GepaSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import CandidateId


@dataclass(frozen=True, slots=True)
class SavedMember:
    """A candidate of the population with its measurements and its component pointer."""

    member: Member
    measurements: dict[int, Measurement]
    next_component: int


class SavedRun(Protocol):
    """What a saved state says about the run it is of."""

    @property
    def initial(self) -> CandidateId: ...
    @property
    def train(self) -> tuple[int, ...]: ...
    @property
    def validation(self) -> tuple[int, ...]: ...
    @property
    def rng_seed(self) -> int: ...


def save_members(population: Population) -> tuple[SavedMember, ...]:
    """All candidates, in the order of their admission."""
    return tuple(
        SavedMember(member, population.measurements(index), population.next_component[index])
        for index, member in enumerate(population.members)
    )


def restored_population(settings: GepaSettings, members: Sequence[SavedMember]) -> Population:
    """The same candidates admitted again; fronts and means follow."""
    population = Population(settings.validation, settings.fronts)
    for entry in members:
        population.add(entry.member, entry.measurements, entry.next_component)
    return population


def check_same_run(settings: GepaSettings, initial: Candidate, saved: SavedRun) -> None:
    """Raises JournalError when the state was saved by a run of other settings."""
    pairs: list[tuple[str, object, object]] = [
        ("initial candidate", saved.initial, initial.id),
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
