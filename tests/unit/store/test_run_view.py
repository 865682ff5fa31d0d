"""What the fold of a journal says of candidates, in either schedule."""

from collections.abc import Iterator

import pytest

from ray_promptopt.config.dump import resolved_json
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import CandidateId, RunId, WorkId
from ray_promptopt.core.work import Decision, DecisionKind, Evidence, Purpose, RolloutOutcome
from ray_promptopt.store.events import Decided, Event, RolloutFinished
from ray_promptopt.store.journal import RunStore
from ray_promptopt.store.run_folder import candidates_of
from ray_promptopt.store.run_view import Fate, RunView, load_view
from tests.fakes.world import config

RUN = RunId("pl_" + "3" * 32)
LESSON, OTHER, MERGED = (Candidate.of({"system": text}) for text in ("a", "b", "a and b"))


@pytest.fixture
def store() -> Iterator[RunStore]:
    opened = RunStore("sqlite://")
    opened.create_run(RUN, name="test", config=resolved_json(config()))
    yield opened
    opened.close()


def view_of(store: RunStore, *events: Event) -> RunView:
    store.append(RUN, events)
    return load_view(store, RUN)


def decided(
    kind: DecisionKind, candidate: Candidate, lessons: tuple[CandidateId, ...] = ()
) -> Decided:
    return Decided(Decision(kind, "because", candidate, lessons=lessons), 0)


def validated(candidate: Candidate, seed: int, purpose: Purpose, score: float) -> RolloutFinished:
    outcome = RolloutOutcome(WorkId(f"{purpose}.{seed}"), score, Evidence("", "", ""))
    return RolloutFinished(outcome, purpose, Example(Part.VALIDATION, seed), candidate.id, 1)


def test_lesson_when_merged_into_another_then_has_passed_and_only_the_other_is_accepted(
    store: RunStore,
) -> None:
    proposed, passed, scored = (
        DecisionKind.CANDIDATE_PROPOSED,
        DecisionKind.CANDIDATE_ACCEPTED,
        DecisionKind.CANDIDATE_SCORED,
    )
    view = view_of(
        store,
        decided(proposed, LESSON),
        decided(passed, LESSON),
        decided(proposed, OTHER),
        decided(passed, OTHER),
        decided(proposed, MERGED, (LESSON.id, OTHER.id)),
        decided(scored, MERGED),
    )
    assert [record.fate for record in view.candidates.values()] == [
        Fate.PASSED,
        Fate.PASSED,
        Fate.ACCEPTED,
    ]
    assert [record.candidate for record in view.accepted] == [MERGED]
    listed = candidates_of(view)[-1]
    assert (listed["fate"], listed["lessons"]) == ("accepted", [LESSON.id, OTHER.id])


@pytest.mark.parametrize(
    ("kinds", "fate"),
    [
        ([DecisionKind.CANDIDATE_PROPOSED], Fate.PROPOSED),
        ([DecisionKind.CANDIDATE_PROPOSED, DecisionKind.CANDIDATE_REJECTED], Fate.REJECTED),
        ([DecisionKind.CANDIDATE_ACCEPTED, DecisionKind.PROPOSAL_DISCARDED], Fate.DISCARDED),
        # Found again later, and thrown away because it is known.
        ([DecisionKind.CANDIDATE_SCORED, DecisionKind.PROPOSAL_DISCARDED], Fate.ACCEPTED),
    ],
)
def test_fate_is_what_was_decided_last_but_for_members_of_the_population(
    store: RunStore, kinds: list[DecisionKind], fate: Fate
) -> None:
    view = view_of(store, *(decided(kind, LESSON) for kind in kinds))
    assert view.candidates[LESSON.id].fate is fate


def test_gate_of_a_merge_on_validation_seeds_counts_in_its_validation_mean(
    store: RunStore,
) -> None:
    view = view_of(
        store,
        decided(DecisionKind.CANDIDATE_PROPOSED, MERGED),
        validated(MERGED, 20, Purpose.MERGE_GATE, 1.0),
        validated(MERGED, 21, Purpose.VALIDATION, 0.0),
    )
    assert view.candidates[MERGED.id].validation_mean == 0.5
