"""How wide the lanes run, and which of the waiting lessons land together."""

import pytest

from ray_promptopt.algorithms.gepa import GepaSettings
from ray_promptopt.algorithms.gepa.lanes.lesson import VerifiedLesson
from ray_promptopt.algorithms.gepa.lanes.pace import GroupSize
from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.mutation import Scored
from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.population import Member, Origin
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import Evidence

INITIAL = Candidate.of({"system": "Answer."})
OLDER = Candidate.of({"system": "Answer the query."})
SETTINGS = GepaSettings(
    train=tuple(range(30)), validation=tuple(range(100, 140)), rollout_budget=640
)


def search() -> LaneSearch:
    """After the initial candidate's validation."""
    made = LaneSearch(SETTINGS, INITIAL)
    measurements = {seed: Measurement(0.0) for seed in SETTINGS.validation}
    made.population.add(Member(INITIAL, (), Origin.INITIAL, 0), measurements, 0)
    made.indices[INITIAL.id] = 0
    return made


def lesson(number: int, base: Candidate = INITIAL) -> VerifiedLesson:
    before = {number: Scored(0.0, Evidence("in", "out", "wrong"))}
    return VerifiedLesson(number, base, {"system": f"Answer {number}."}, before, {number: 1.0})


@pytest.mark.parametrize(
    ("limit", "num_waiting", "size"), [(4, 3, 4), (4, 8, 4), (4, 14, 7), (4, 90, 16), (1, 90, 1)]
)
def test_a_group_grows_with_what_waits_unless_groups_fail(
    limit: int, num_waiting: int, size: int
) -> None:
    assert GroupSize(limit, 8).size(num_waiting) == size


def test_lessons_of_the_text_they_land_on_go_first_then_the_latest() -> None:
    found = search()
    found.waiting = [lesson(0, OLDER), lesson(1), lesson(2, OLDER), lesson(3), lesson(4, OLDER)]
    landing = found.start_landing()
    assert landing is not None
    assert [lesson.number for lesson in landing.lessons] == [3, 1, 4, 2]
    assert [lesson.number for lesson in found.waiting] == [0]


def test_a_lane_starts_from_what_is_landing_on_the_best() -> None:
    found = search()
    lane = found.start_lane(0)
    assert lane is not None
    assert lane.parent == INITIAL
    found.waiting = [lesson(number) for number in range(4)]
    landing = found.start_landing()
    assert landing is not None
    landing.child = OLDER
    lane = found.start_lane(0)
    assert lane is not None
    assert lane.parent == OLDER


def test_no_lane_starts_while_a_group_more_than_may_be_open_waits_to_land() -> None:
    found = search()
    while found.start_lane(0):
        pass
    num_lanes = len(found.lanes)
    assert num_lanes > 2
    for lane in list(found.lanes.values()):
        found.close_lane(lane)
    found.waiting = [lesson(number) for number in range(num_lanes + found.group.limit - 1)]
    assert found.start_lane(0) is not None
    assert found.start_lane(0) is None
