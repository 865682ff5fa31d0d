import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.ids import CandidateId
from ray_promptopt.core.work import EvaluateCandidate, Purpose
from ray_promptopt.llm.prices import LIST_VERSION
from ray_promptopt.rollouts.result import ErrorKind, ErrorRecord
from ray_promptopt.runs.comparison import held_out_comparison
from ray_promptopt.runs.ports import PortLost
from ray_promptopt.store.events import (
    Decided,
    ProgramRead,
    RolloutFinished,
    RunInterrupted,
    outcome_id,
)
from ray_promptopt.store.run_view import RunStatus, RunView, catch_up, load_view
from tests.fakes.world import CALL, PROGRAM, RUN, World, config, infrastructure

TMP = settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def finish(world: World) -> RunView:
    assert asyncio.run(world.coordinator().run()) is RunStatus.SUCCEEDED
    return load_view(world.store, RUN)


@dataclass(frozen=True)
class Quiet:
    """What comes of the run when nothing is lost."""

    best_id: CandidateId | None
    candidates: list[CandidateId]
    decisions: list[str]
    search_rollouts: int


def told(view: RunView) -> list[str]:
    return [decision.message for decision in view.decisions]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    world = World(tmp_path_factory.mktemp("quiet"))
    world.create()
    view = finish(world)
    return Quiet(view.best_id, list(view.candidates), told(view), view.search_rollouts)


def assert_counted_once(world: World, view: RunView) -> None:
    journal = [stored.event for stored in world.store.events(RUN)]
    settled = [key for key in map(outcome_id, journal) if key]
    assert len(settled) == len(set(settled))
    assert view.search_rollouts <= world.config.limits.max_rollouts
    assert view.rollouts_by_purpose[Purpose.HELD_OUT] == 12
    finished = [event for event in journal if isinstance(event, RolloutFinished)]
    assert len(finished) == view.search_rollouts + 12
    decided = [event.decision for event in journal if isinstance(event, Decided)]
    assert decided == view.decisions


def test_run_when_all_is_well_then_finds_a_better_prompt_within_the_budget(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.create()
    view = finish(world)
    assert_counted_once(world, view)
    assert view.best is not None
    assert view.initial is not None
    assert (view.best.validation_mean or 0) > (view.initial.validation_mean or 0)
    comparison = held_out_comparison(view)
    assert comparison is not None
    assert comparison.difference > 0
    assert world.served[-1] == view.best.candidate
    assert world.revoked == 1
    assert 2 <= world.most_in_flight <= 4
    folder = tmp_path / RUN
    assert json.loads((folder / "best_prompt.json").read_text()) == view.best.candidate.texts
    listed = json.loads((folder / "candidates.json").read_text())
    assert sum(candidate["best"] for candidate in listed) == 1
    assert all(candidate["accepted"] for candidate in listed if candidate["on_front"])
    assert any(candidate["on_front"] for candidate in listed)
    expected_usd = view.policy_spend.cost_usd + view.reflection_spend.cost_usd
    assert view.policy_spend.calls == view.search_rollouts
    assert view.price_lists == [LIST_VERSION]
    assert view.spend.cost_usd == pytest.approx(expected_usd + view.held_out_spend.cost_usd)


@TMP
@given(lost=st.sets(st.integers(min_value=1, max_value=90), max_size=25))
def test_run_when_workers_die_then_ends_as_if_nothing_had_happened(
    tmp_path_factory: pytest.TempPathFactory, quiet: Quiet, lost: set[int]
) -> None:
    deaths: Counter[str] = Counter()

    def fault(item: EvaluateCandidate, attempt: int) -> PortLost | None:
        """At most two of an item's three attempts die: a third would lose it for good."""
        if attempt not in lost or deaths[item.work_id] == 2:
            return None
        deaths[item.work_id] += 1
        return PortLost("worker died")

    world = World(tmp_path_factory.mktemp("run"), fault=fault)
    world.create()
    view = finish(world)
    assert_counted_once(world, view)
    assert view.best_id == quiet.best_id
    assert list(view.candidates) == quiet.candidates


@TMP
@given(lost=st.sets(st.integers(min_value=1, max_value=300), max_size=12))
def test_run_when_the_optimizer_dies_then_it_comes_back_from_the_journal(
    tmp_path_factory: pytest.TempPathFactory, quiet: Quiet, lost: set[int]
) -> None:
    world = World(tmp_path_factory.mktemp("run"), lose_optimizer_at=lambda call: call in lost)
    world.create()
    view = finish(world)
    assert_counted_once(world, view)
    assert view.best_id == quiet.best_id
    assert told(view) == quiet.decisions


@TMP
@given(kills=st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=3))
def test_run_when_the_whole_driver_is_killed_then_resume_ends_the_same(
    tmp_path_factory: pytest.TempPathFactory, quiet: Quiet, kills: list[int]
) -> None:
    world = World(tmp_path_factory.mktemp("run"))
    world.create()
    for after in kills:
        asyncio.run(_run_and_kill(world, after))
    if load_view(world.store, RUN).status is not RunStatus.SUCCEEDED:
        finish(world)
    view = load_view(world.store, RUN)
    assert_counted_once(world, view)
    assert view.best_id == quiet.best_id
    assert view.search_rollouts == quiet.search_rollouts


async def _run_and_kill(world: World, after: int) -> None:
    """Cancel the coordinator when so many more attempts were begun."""
    until = world.attempts + after
    running = asyncio.create_task(world.coordinator().run())
    await world.attempted(until, running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_stop_when_asked_then_is_interrupted_and_resumable(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.create()

    async def run_and_stop() -> RunStatus:
        coordinator = world.coordinator()
        running = asyncio.create_task(coordinator.run())
        await world.attempted(20, running)
        coordinator.request_stop("stopped by a test")
        return await running

    assert asyncio.run(run_and_stop()) is RunStatus.INTERRUPTED
    journal = [stored.event for stored in world.store.events(RUN)]
    assert journal[-1] == RunInterrupted("stopped by a test")
    view = finish(world)
    assert_counted_once(world, view)


@pytest.mark.parametrize(
    "error",
    [
        ErrorRecord(ErrorKind.FATAL, "the provider refused the API key"),
        infrastructure("the task app is down"),
    ],
)
def test_run_when_nothing_can_succeed_then_fails_with_the_cause_and_no_rollout(
    tmp_path: Path, error: ErrorRecord
) -> None:
    world = World(tmp_path, fault=lambda item, attempt: error)
    world.create()
    assert asyncio.run(world.coordinator().run()) is RunStatus.FAILED
    view = load_view(world.store, RUN)
    assert error.message in view.reason
    assert view.search_rollouts == 0
    assert view.failed_attempts
    assert view.policy_spend.cost_usd == pytest.approx(CALL.cost_usd * world.attempts)


def test_run_when_an_outage_ends_then_resume_goes_on(tmp_path: Path) -> None:
    down = [True]
    world = World(
        tmp_path, fault=lambda item, attempt: infrastructure() if down[0] and attempt > 25 else None
    )
    world.create()
    assert asyncio.run(world.coordinator().run()) is RunStatus.FAILED
    down[0] = False
    view = finish(world)
    assert_counted_once(world, view)


def test_run_when_one_seed_is_refused_then_it_is_never_scored(tmp_path: Path) -> None:
    def refuse(item: EvaluateCandidate, attempt: int) -> ErrorRecord | None:
        if item.example.seed == 22:
            return ErrorRecord(ErrorKind.REJECTED, "seed 22: no such row")
        return None

    world = World(tmp_path, fault=refuse)
    world.create()
    view = finish(world)
    assert all(22 not in record.validation for record in view.candidates.values())
    assert any("seed 22" in attempt.message for attempt in view.failed_attempts)


def test_run_when_the_reflection_model_fails_for_good_then_fails_with_its_reason(
    tmp_path: Path,
) -> None:
    gone = UpstreamError("openai/x: no API key", code="missing_api_key", fatal=True)
    world = World(tmp_path, proposal_fault=lambda attempt: gone)
    world.create()
    assert asyncio.run(world.coordinator().run()) is RunStatus.FAILED
    assert "no API key" in load_view(world.store, RUN).reason


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_cost_usd": 0.05}, "cost budget"),
        ({"max_trials": 1}, "proposal"),
    ],
)
def test_run_when_a_limit_is_reached_then_ends_cleanly_and_says_so(
    tmp_path: Path, limits: dict[str, float], words: str
) -> None:
    world = World(tmp_path, config=config(termination_config=limits))
    world.create()
    assert asyncio.run(world.coordinator().run()) is RunStatus.SUCCEEDED
    view = load_view(world.store, RUN)
    assert words in view.reason
    if "max_cost_usd" in limits:
        assert view.spend.cost_usd <= 0.05 + 0.01


def test_run_when_prompts_are_also_to_be_short_then_answers_with_the_trade_off(
    tmp_path: Path,
) -> None:
    table = config().gepa
    assert table is not None
    changed = table.model_copy(
        update={"front_type": "hybrid", "objectives": ("reward", "prompt_tokens")}
    )
    world = World(tmp_path, config=config().model_copy(update={"gepa": changed}))
    world.create()
    view = finish(world)
    assert view.best_id != view.initial_id
    assert {view.initial_id, view.best_id} <= view.front  # the shortest, and the most rewarded


def test_program_when_read_once_is_shown_to_the_reflection_model_after_a_resume_too(
    tmp_path: Path,
) -> None:
    plain = config()
    assert plain.gepa is not None
    synth = plain.gepa.model_copy(update={"proposer_mode": "synth"})
    world = World(tmp_path, config=plain.model_copy(update={"gepa": synth}))
    world.create()
    finish(world)
    assert world.programs_read == 1
    assert [e.event for e in world.store.events(RUN) if isinstance(e.event, ProgramRead)] == [
        ProgramRead(PROGRAM)
    ]
    assert world.reflections
    assert all(f"<program_code>\n{PROGRAM}\n" in prompt for prompt in world.reflections)
    asyncio.run(world.coordinator().run())
    assert world.programs_read == 1


def test_view_when_it_catches_up_now_and_then_is_that_of_the_whole_journal(tmp_path: Path) -> None:
    world = World(tmp_path / "whole")
    world.create()
    finish(world)
    copy = World(tmp_path / "copy")
    copy.create()
    followed = load_view(copy.store, RUN)
    for number, stored in enumerate(world.store.events(RUN)):
        copy.store.append(RUN, [stored.event])
        if number % 7 == 0:
            catch_up(followed, copy.store)
    catch_up(followed, copy.store)
    assert followed == load_view(copy.store, RUN)
    assert followed.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("form", ["template", "transformation"])
def test_run_when_the_prompt_has_another_form_then_finds_and_exports_a_better_one_in_it(
    tmp_path: Path, form: str
) -> None:
    world = World(tmp_path, config=config(initial_prompt={"form": form}))
    world.create()
    view = finish(world)
    assert view.best_id != view.initial_id
    exported = json.loads((tmp_path / RUN / "best_prompt.export.json").read_text())
    assert exported["payload_kind"] == form
    assert view.best is not None
    better = view.best.candidate.texts["system"]
    (changed,) = exported["object"]["data"].get("text_replacements") or [
        one for one in exported["object"]["data"]["sections"] if one["name"] == "system"
    ]
    assert changed.get("new_text", changed.get("content")) == better
