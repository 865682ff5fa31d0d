"""The population in a saved state. Both schedules."""

from collections.abc import Sequence
from dataclasses import dataclass

from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.population import Member, Population
from ray_promptopt.algorithms.gepa.settings import GepaSettings


@dataclass(frozen=True, slots=True)
class SavedMember:
    """A candidate of the population with its measurements and its component pointer."""

    member: Member
    measurements: dict[int, Measurement]
    next_component: int


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
