"""The whole state of an asynchronous search as JSON-compatible values, and back.

Fronts, means and open work are not saved: they follow from what is.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ray_promptopt.algorithms.gepa.lanes.crossing import Triplet
from ray_promptopt.algorithms.gepa.lanes.edit_book import EditBook
from ray_promptopt.algorithms.gepa.lanes.jobs import Landing, Lane
from ray_promptopt.algorithms.gepa.lanes.known import KnownResults
from ray_promptopt.algorithms.gepa.lanes.lesson import VerifiedLesson
from ray_promptopt.algorithms.gepa.lanes.pace import Breadth, GroupSize
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.saved_population import (
    SavedMember,
    check_same_run,
    restored_population,
    save_members,
)
from ray_promptopt.algorithms.gepa.search import Tally
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import CandidateId, WorkId


@dataclass(frozen=True, slots=True)
class SavedLanes:
    """Everything that a restarted optimizer needs besides its settings."""

    version: Literal["lanes-1"]
    initial: CandidateId
    train: tuple[int, ...]
    validation: tuple[int, ...]
    rng_seed: int
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
    settled: tuple[WorkId, ...]
    rollouts_used: int
    closing: str | None
    stop: str | None


_ADAPTER = TypeAdapter(SavedLanes)


def save(search: LaneSearch, settled: tuple[WorkId, ...]) -> dict[str, object]:
    """The state as dicts, lists, strings and numbers."""
    saved = SavedLanes(
        version="lanes-1",
        initial=search.initial.id,
        train=search.settings.train,
        validation=search.settings.validation,
        rng_seed=search.settings.rng_seed,
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
        settled=settled,
        rollouts_used=int(search.budget.spent),
        closing=search.closing,
        stop=search.stop,
    )
    state: dict[str, object] = _ADAPTER.dump_python(saved, mode="json")
    return state


def restore(search: LaneSearch, state: Mapping[str, object]) -> tuple[WorkId, ...]:
    """Put a saved state into a search of the same settings; returns the settled work ids.

    Raises JournalError when the state is damaged or of another run.
    """
    try:
        saved = _ADAPTER.validate_python(state)
    except ValidationError as error:
        raise JournalError(f"saved GEPA state cannot be read: {error}") from error
    check_same_run(search.settings, search.initial, saved)
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
    search.closing, search.stop = saved.closing, saved.stop
    search.budget.spent = saved.rollouts_used
    search.budget.reserved = sum(lane.reserved for lane in saved.lanes)
    search.budget.reserved += sum(landing.reserved for landing in saved.landings)
    return saved.settled
