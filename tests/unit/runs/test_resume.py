"""An interrupted and resumed run equals the uninterrupted one with the same order of results."""

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy import event as sql_event

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import TrialId
from ray_promptopt.core.work import EvaluateCandidate, Purpose
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.result import RolloutResult
from ray_promptopt.runs.optimizers import build_optimizer, num_baseline_rollouts
from ray_promptopt.runs.recovery import (
    RecordedOptimizer,
    learned_baseline,
    recover_optimizer,
    replay,
    search_outcomes,
)
from ray_promptopt.store.events import Decided, SearchEnded, outcome_id
from ray_promptopt.store.run_view import RunStatus, load_view
from tests.fakes.interrupted import (
    ShufflingWorld,
    assert_settled_once,
    finish_with_breaks,
    journal_of,
)
from tests.fakes.world import RUN, World, on_disk


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    breaks=st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=4),
)
def test_resumed_run_when_told_the_same_results_in_the_same_order_then_is_the_uninterrupted_one(
    tmp_path_factory: pytest.TempPathFactory, seed: int, breaks: list[tuple[int, bool]]
) -> None:
    world = ShufflingWorld(tmp_path_factory.mktemp("run"))
    world.order = random.Random(seed)
    world.create()
    finish_with_breaks(world, breaks)
    journal = journal_of(world)
    baseline = learned_baseline(journal)
    assert baseline is not None
    uninterrupted = RecordedOptimizer(build_optimizer(world.config, baseline.initial_candidate()))
    replay(uninterrupted, search_outcomes(journal))
    decided = [event.decision for event in journal if isinstance(event, Decided)]
    assert decided == uninterrupted.decisions(0)
    (ended,) = [event for event in journal if isinstance(event, SearchEnded)]
    assert ended.best == uninterrupted.counts().best
    assert ended.reason == uninterrupted.stop_reason()
    assert_settled_once(journal)
    used = uninterrupted.counts().rollouts_used + num_baseline_rollouts(world.config)
    view = load_view(world.store, RUN)
    assert view.search_rollouts == used <= world.config.limits.max_rollouts
    assert view.rollouts_by_purpose[Purpose.HELD_OUT] == 12


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000))
def test_search_when_recovered_from_any_part_of_a_journal_then_asks_what_was_asked(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    world = World(tmp_path_factory.mktemp("run"))
    world.create()
    asyncio.run(world.coordinator().run())
    journal = journal_of(world)
    baseline = learned_baseline(journal)
    assert baseline is not None
    outcomes = search_outcomes(journal)
    known = outcomes[: cut % (len(outcomes) + 1)]
    recovered = RecordedOptimizer(build_optimizer(world.config, baseline.initial_candidate()))
    replay(recovered, known)
    for outcome in outcomes[len(known) :]:
        recovered.ask(1000)
        recovered.tell(outcome)
    whole = recover_optimizer(world.store, RUN)
    assert recovered.decisions(0) == whole.decisions(0)
    assert recovered.counts().best == whole.counts().best


def test_recovery_when_the_baseline_is_not_known_then_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.create()
    with pytest.raises(JournalError, match="has not learned its baseline yet"):
        recover_optimizer(world.store, RUN)


def test_recovery_when_an_outcome_was_never_asked_for_then_says_to_start_anew(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.create()
    asyncio.run(world.coordinator().run())
    outcomes = search_outcomes(journal_of(world))
    fresh = RecordedOptimizer(build_optimizer(world.config, Candidate.of({"system": "x"})))
    with pytest.raises(JournalError, match="does not fit this version of the search"):
        replay(fresh, outcomes[::-1])


def test_run_when_the_disk_fills_up_then_says_so_and_resume_goes_on_once_there_is_room(
    tmp_path: Path,
) -> None:
    on_disk(tmp_path).create()

    def nearly_full(connection: sqlite3.Connection, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 12}").fetchall()

    sql_event.listen(Engine, "connect", nearly_full)
    try:
        world = on_disk(tmp_path)
        # The last page may have room for the reason, or not even for that.
        try:
            assert asyncio.run(world.coordinator().run()) is RunStatus.FAILED
            said = load_view(world.store, RUN).reason
        except JournalError as error:
            said = str(error)
        assert "full disk" in said
        world.store.close()
    finally:
        sql_event.remove(Engine, "connect", nearly_full)
    with_room = on_disk(tmp_path)
    counted = load_view(with_room.store, RUN).search_rollouts
    assert counted > 0
    assert asyncio.run(with_room.coordinator().run()) is RunStatus.SUCCEEDED
    view = load_view(with_room.store, RUN)
    assert with_room.attempts == view.search_rollouts - counted + 12


@pytest.mark.parametrize("phase", [Purpose.BASELINE, Purpose.HELD_OUT])
def test_run_when_killed_outside_the_search_then_resume_does_only_what_is_missing(
    tmp_path: Path, phase: Purpose
) -> None:
    begun: list[str] = []

    class Dying(World):
        """Its process dies in the middle of the second rollout of the phase."""

        alive = False

        async def run(
            self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
        ) -> RolloutResult:
            begun.append(item.work_id)
            number = sum(view.startswith(item.work_id[:8]) for view in begun)
            if item.purpose is phase and number == 2 and not self.alive:
                raise asyncio.CancelledError
            return await super().run(item, trial_id, baseline)

    world = Dying(tmp_path)
    world.create()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(world.coordinator().run())
    world.alive = True
    settled = {work_id for work_id in map(outcome_id, journal_of(world)) if work_id}
    begun.clear()
    assert asyncio.run(world.coordinator().run()) is RunStatus.SUCCEEDED
    assert not settled & set(begun)
    assert load_view(world.store, RUN).rollouts_by_purpose[phase] in (3, 12)
