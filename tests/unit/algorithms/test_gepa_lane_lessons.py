"""What became of a lesson can be read from the decisions alone: the report tells it."""

import pytest

from ray_promptopt.algorithms.gepa import AsyncGepaOptimizer, GepaSettings
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import CandidateId
from ray_promptopt.core.work import Decision, DecisionKind
from tests.fakes.landscape import Landscape, run_search

INITIAL = Candidate.of({"answer": "Answer {query}.", "classify": "Pick a label."})


@pytest.fixture(params=range(4))
def decisions(request: pytest.FixtureRequest) -> list[Decision]:
    settings = GepaSettings(
        tuple(range(10)),
        tuple(range(20, 44)),
        400,
        rng_seed=request.param,
        lanes=LaneSettings(max_concurrent=16),
    )
    return run_search(AsyncGepaOptimizer(settings, INITIAL), Landscape())[1]


def test_merge_then_names_the_lessons_that_were_verified_before(decisions: list[Decision]) -> None:
    verified = set()
    merges = 0
    for decision in decisions:
        if decision.kind is DecisionKind.CANDIDATE_ACCEPTED and decision.candidate is not None:
            verified.add(decision.candidate.id)
        merges += bool(decision.lessons)
        assert set(decision.lessons) <= verified
    assert merges


def test_lesson_when_it_is_let_go_then_is_told_by_name_and_never_merged_after(
    decisions: list[Decision],
) -> None:
    gone: set[CandidateId] = set()
    for decision in decisions:
        assert not gone & set(decision.lessons)
        if "it was to land on" in decision.message:
            assert decision.candidate is not None
            gone.add(decision.candidate.id)
    assert gone
