import asyncio
from pathlib import Path

import pytest

from ray_promptopt.core.work import EvaluateCandidate, Purpose
from ray_promptopt.rollouts.result import ErrorRecord
from ray_promptopt.runs.coordinator import RunCoordinator
from ray_promptopt.runs.progress import Phase
from ray_promptopt.store.events import RunContinued, RunInterrupted, RunPaused
from ray_promptopt.store.journal import RunStore
from ray_promptopt.store.orders import GivenOrder, Order
from ray_promptopt.store.run_view import RunStatus, load_view
from tests.fakes.world import RUN, World, config, infrastructure

PAUSE = GivenOrder(Order.PAUSE, "a test")
GO = GivenOrder(Order.GO, "a test")
STOP = GivenOrder(Order.STOP, "a test")


def world(folder: Path, **limits: object) -> World:
    made = World(folder, config=config(termination_config=limits))
    made.create()
    return made


def pausing_at(world: World, purpose: Purpose) -> asyncio.Event:
    """Order a pause with the first rollout of this purpose, and say so."""
    ordered = asyncio.Event()

    def order(item: EvaluateCandidate, attempt: int) -> None:
        if item.purpose is purpose and not ordered.is_set():
            world.orders.put_nowait(PAUSE)
            ordered.set()

    world.fault = order
    return ordered


async def paused(coordinator: RunCoordinator, ordered: asyncio.Event) -> None:
    """Wait until the pause is ordered and all that was sent out is home."""
    await ordered.wait()
    await idle()
    progress = coordinator.progress()
    assert (progress.phase, progress.in_flight) == (Phase.PAUSED, 0)


async def idle() -> None:
    """Give everybody many turns: nothing in these worlds waits for anything else."""
    for _ in range(200):
        await asyncio.sleep(0)


@pytest.mark.parametrize("at", [Purpose.BASELINE, Purpose.CHILD_MINIBATCH, Purpose.HELD_OUT])
def test_pause_when_ordered_then_nothing_goes_out_until_it_is_told_to_go_on(
    tmp_path: Path, at: Purpose
) -> None:
    quiet = world(tmp_path / "quiet")
    asyncio.run(quiet.coordinator().run())
    made = world(tmp_path / "paused")
    ordered = pausing_at(made, at)

    async def run() -> RunStatus:
        coordinator = made.coordinator()
        running = asyncio.create_task(coordinator.run())
        await paused(coordinator, ordered)
        begun = made.attempts
        await idle()
        assert made.attempts == begun
        assert load_view(made.store, RUN).status is RunStatus.PAUSED
        made.orders.put_nowait(GO)
        return await running

    assert asyncio.run(run()) is RunStatus.SUCCEEDED
    journal = [stored.event for stored in made.store.events(RUN)]
    assert RunPaused("a test") in journal
    assert RunContinued("a test") in journal
    assert load_view(made.store, RUN).best_id == load_view(quiet.store, RUN).best_id


def test_pause_when_it_is_long_then_no_time_counts(tmp_path: Path) -> None:
    made = world(tmp_path, max_seconds=60)
    ordered = pausing_at(made, Purpose.VALIDATION)

    async def run() -> RunStatus:
        coordinator = made.coordinator()
        running = asyncio.create_task(coordinator.run())
        await paused(coordinator, ordered)
        made.now_s = 3600.0
        assert coordinator.progress().elapsed_s == 0.0
        made.orders.put_nowait(GO)
        status = await running
        assert coordinator.progress().elapsed_s == 0.0
        return status

    assert asyncio.run(run()) is RunStatus.SUCCEEDED
    assert "time budget" not in load_view(made.store, RUN).reason


def test_pause_when_an_attempt_fails_meanwhile_then_its_next_one_waits_too(tmp_path: Path) -> None:
    made = world(tmp_path)
    ordered = pausing_at(made, Purpose.CHILD_MINIBATCH)
    order = made.fault

    def order_and_fail(item: EvaluateCandidate, attempt: int) -> ErrorRecord | None:
        was_ordered = ordered.is_set()
        order(item, attempt)
        return infrastructure() if ordered.is_set() and not was_ordered else None

    made.fault = order_and_fail

    async def run() -> RunStatus:
        coordinator = made.coordinator()
        running = asyncio.create_task(coordinator.run())
        await ordered.wait()
        await idle()
        assert coordinator.progress().phase is Phase.PAUSED
        begun = made.attempts
        await idle()
        assert (made.attempts, coordinator.progress().in_flight) == (begun, 1)
        made.orders.put_nowait(GO)
        return await running

    assert asyncio.run(run()) is RunStatus.SUCCEEDED


@pytest.mark.parametrize("pause_first", [False, True])
def test_stop_when_ordered_then_ends_cleanly_and_is_resumable(
    tmp_path: Path, pause_first: bool
) -> None:
    made = world(tmp_path)
    ordered = pausing_at(made, Purpose.CHILD_MINIBATCH) if pause_first else None

    async def run_and_stop() -> RunStatus:
        coordinator = made.coordinator()
        running = asyncio.create_task(coordinator.run())
        if ordered is not None:
            await paused(coordinator, ordered)
        else:
            await made.attempted(20, running)
        made.orders.put_nowait(STOP)
        return await running

    assert asyncio.run(run_and_stop()) is RunStatus.INTERRUPTED
    journal = [stored.event for stored in made.store.events(RUN)]
    assert journal[-1] == RunInterrupted("stopped by a test")
    assert asyncio.run(made.coordinator().run()) is RunStatus.SUCCEEDED


def test_time_of_a_run_when_it_was_paused_leaves_the_pause_out(tmp_path: Path) -> None:
    now_s = [0.0]
    made = World(tmp_path, store=RunStore("sqlite://", clock=lambda: now_s[0]))
    made.create()
    for event, at_s in ((RunPaused("x"), 10.0), (RunContinued("x"), 110.0), (RunPaused("x"), 115)):
        now_s[0] = at_s
        made.store.append(RUN, [event])
    now_s[0] = 200.0
    made.store.append(RUN, [RunInterrupted("x")])
    assert load_view(made.store, RUN).running_s == 5.0


def test_front_when_a_run_is_resumed_is_shown_at_once(tmp_path: Path) -> None:
    made = world(tmp_path)

    async def stop_and_resume() -> int:
        first = made.coordinator()
        running = asyncio.create_task(first.run())
        await made.attempted(40, running)
        first.request_stop("x")
        await running
        assert first.progress().front_size > 0
        second = made.coordinator()
        running = asyncio.create_task(second.run())
        await made.attempted(made.attempts + 1, running)
        shown = second.progress().front_size
        second.request_stop("x")
        await running
        return shown

    assert asyncio.run(stop_and_resume()) > 0
