"""What an asynchronous search saves of itself, and takes back. Fronts and means follow from it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from ray_promptopt.algorithms.gepa.lanes.crossing import Triplet
from ray_promptopt.algorithms.gepa.lanes.edit_book import EditBook
from ray_promptopt.algorithms.gepa.lanes.jobs import Landing, Lane
from ray_promptopt.algorithms.gepa.lanes.known import KnownResults
from ray_promptopt.algorithms.gepa.lanes.lesson import VerifiedLesson
from ray_promptopt.algorithms.gepa.lanes.pace import Breadth, GroupSize
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.saved_population import (
    SavedMember,
    restored_population,
    save_members,
)
from ray_promptopt.algorithms.gepa.search import Tally
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import CandidateId


@dataclass(frozen=True, slots=True)
class SavedLanes:
    """All but what `algorithms/saved_state.py` saves of every search."""

    members: tuple[SavedMember, ...]
    known: KnownResults
    edits: EditBook
    group: GroupSize
    breadth: Breadth
    tally: Tally
    lanes: tuple[Lane, ...]
    landings: tuple[Landing, ...]
    waiting: tuple[VerifiedLesson, ...]
    halves: tuple[tuple[VerifiedLesson, ...], ...]
    landed: tuple[CandidateId, ...]
    component_turns: dict[CandidateId, int]
    came_from: dict[CandidateId, Candidate]
    num_lanes: int
    num_landings: int
    crossed: tuple[Triplet, ...]
    num_crossings_passed: int
    planned_at: int
    barren: int
    closing: str | None


_ADAPTER = TypeAdapter(SavedLanes)


def save(search: LaneSearch) -> dict[str, object]:
    """What the frame does not hold."""
    saved = SavedLanes(
        members=save_members(search.population),
        known=search.known,
        edits=search.edits,
        group=search.group,
        breadth=search.breadth,
        tally=search.tally,
        lanes=tuple(search.lanes.values()),
        landings=tuple(search.landings.values()),
        waiting=tuple(search.waiting),
        halves=tuple(search.halves),
        landed=tuple(sorted(search.landed)),
        component_turns=search.component_turns,
        came_from=search.came_from,
        num_lanes=search.num_lanes,
        num_landings=search.num_landings,
        crossed=tuple(sorted(search.crossed)),
        num_crossings_passed=search.num_crossings_passed,
        planned_at=search.planned_at,
        barren=search.barren,
        closing=search.closing,
    )
    state: dict[str, object] = _ADAPTER.dump_python(saved, mode="json")
    return state


def restore(search: LaneSearch, state: Mapping[str, object]) -> None:
    """Put a saved state into a search of the same settings."""
    saved = _ADAPTER.validate_python(state)
    search.population = restored_population(search.settings, saved.members)
    search.indices = {
        member.candidate.id: index for index, member in enumerate(search.population.members)
    }
    search.known, search.edits, search.group = saved.known, saved.edits, saved.group
    search.breadth, search.tally = saved.breadth, saved.tally
    search.lanes = {lane.number: lane for lane in saved.lanes}
    search.landings = {landing.number: landing for landing in saved.landings}
    search.waiting, search.halves = list(saved.waiting), deque(saved.halves)
    search.landed = set(saved.landed)
    search.component_turns, search.came_from = saved.component_turns, saved.came_from
    search.num_lanes, search.num_landings = saved.num_lanes, saved.num_landings
    search.crossed, search.barren = set(saved.crossed), saved.barren
    search.num_crossings_passed = saved.num_crossings_passed
    search.planned_at = saved.planned_at
    search.closing = saved.closing
