"""Whole MIPRO runs in memory: what may stand in which prompt, interruptions, and every limit."""

import asyncio
import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ray_promptopt.config.loader import parse_config
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.work import EvaluateCandidate, Purpose
from ray_promptopt.runs.optimizers import num_baseline_rollouts
from ray_promptopt.runs.recovery import recover_optimizer
from ray_promptopt.store.events import Decided, ReferenceRead, SearchEnded
from ray_promptopt.store.orders import GivenOrder, Order
from ray_promptopt.store.run_view import RunStatus, RunView, load_view
from tests.fakes.interrupted import (
    ShufflingWorld,
    assert_settled_once,
    finish_with_breaks,
    journal_of,
)
from tests.fakes.world import INSTRUCTION, RUN, World

TMP = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TRAIN, VALIDATION = range(12), range(20, 32)
TEST, REFERENCE = range(40, 46), range(60, 66)
FORBIDDEN = {f"query {seed}" for seed in (*VALIDATION, *TEST)}
ROW = re.compile(r"query \d+")


def mipro_config(**changes: object) -> RunConfig:
    """A small run with a corpus: 60 rollouts, six validation seeds a trial."""
    limits = {"termination_config": changes.pop("termination_config", {})}
    table: dict[str, object] = {
        "algorithm": "mipro",
        "task_app_url": "http://127.0.0.1:1",
        "policy": {"provider": "embedded", "model": "embedded/reader"},
        **limits,
        "mipro": {
            "rollout_budget": 60,
            "num_iterations": 10,
            "num_evaluations_per_iteration": 4,
            "batch_size": 6,
            "max_concurrent": 8,
            "few_shot_score_threshold": 0.0,
            "bootstrap_train_seeds": list(TRAIN),
            "online_pool": list(VALIDATION),
            "test_pool": list(TEST),
            "reference_pool": list(REFERENCE),
            "meta_update": {"every_iterations": 1},
            **changes,
        },
    }
    return parse_config(table, source="test", environ={})


def world_of(folder: Path, config: RunConfig) -> World:
    world = World(folder, config=config)
    world.create()
    return world


def finish(world: World) -> RunView:
    asyncio.run(world.coordinator().run())
    return load_view(world.store, RUN)


def decided(world: World) -> list[object]:
    events = (stored.event for stored in world.store.events(RUN))
    return [event.decision for event in events if isinstance(event, Decided)]


def assert_rows_stand_only_where_they_may(world: World, view: RunView) -> None:
    for prompt in world.reflections:
        assert not FORBIDDEN & set(ROW.findall(prompt))
    for record in view.candidates.values():
        shown = "\n".join(
            [
                *record.candidate.texts.values(),
                *(f"{d.inputs} {d.output}" for _, demos in record.candidate.demos for d in demos),
            ]
        )
        assert not FORBIDDEN & set(ROW.findall(shown))
        assert "reference row" not in shown


@TMP
@given(rng_seed=st.integers(0, 1000), top_k=st.integers(1, 3))
def test_no_row_of_validation_test_or_corpus_gets_where_it_must_not(
    tmp_path_factory: pytest.TempPathFactory, rng_seed: int, top_k: int
) -> None:
    config = mipro_config(validation_top_k=top_k)
    config = config.model_copy(update={"rng_seed": rng_seed})
    world = world_of(tmp_path_factory.mktemp("rows"), config)
    view = finish(world)
    assert_rows_stand_only_where_they_may(world, view)
    assert view.search_rollouts <= 60
    held_out = view.rollouts_by_purpose[Purpose.HELD_OUT]
    assert len(TEST) <= held_out <= (top_k + 1) * len(TEST)


def test_corpus_is_read_once_and_shown_to_the_meta_model_after_a_resume_too(
    tmp_path: Path,
) -> None:
    world = world_of(tmp_path, mipro_config())
    finish(world)
    asyncio.run(world.coordinator().run())
    assert world.references_read == 1
    events = [stored.event for stored in world.store.events(RUN)]
    texts = tuple(f"reference row {seed}" for seed in REFERENCE)
    assert [event for event in events if isinstance(event, ReferenceRead)] == [ReferenceRead(texts)]
    assert all(text in world.reflections[0] for text in texts)
    assert recover_optimizer(world.store, RUN).decisions(0) == decided(world)


def test_run_without_a_corpus_reads_none(tmp_path: Path) -> None:
    world = world_of(tmp_path, mipro_config(reference_pool=[]))
    finish(world)
    assert world.references_read == 0
    assert not any("reference_corpus" in prompt for prompt in world.reflections)


@TMP
@given(
    seed=st.integers(0, 10_000),
    breaks=st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=4),
)
def test_resumed_run_when_told_the_same_results_in_the_same_order_is_the_uninterrupted_one(
    tmp_path_factory: pytest.TempPathFactory, seed: int, breaks: list[tuple[int, bool]]
) -> None:
    world = ShufflingWorld(tmp_path_factory.mktemp("run"), config=mipro_config())
    world.order = random.Random(seed)
    world.create()
    finish_with_breaks(world, breaks)
    journal = journal_of(world)
    uninterrupted = recover_optimizer(world.store, RUN)
    assert decided(world) == uninterrupted.decisions(0)
    (ended,) = [event for event in journal if isinstance(event, SearchEnded)]
    assert ended.best == uninterrupted.counts().best
    assert ended.reason == uninterrupted.stop_reason()
    assert_settled_once(journal)
    view = load_view(world.store, RUN)
    used = uninterrupted.counts().rollouts_used + num_baseline_rollouts(world.config)
    assert view.search_rollouts == used <= 60
    assert world.references_read == 1
    assert_rows_stand_only_where_they_may(world, view)


def test_pause_when_ordered_in_a_trial_holds_everything_and_changes_nothing(
    tmp_path: Path,
) -> None:
    quiet = world_of(tmp_path / "quiet", mipro_config(max_concurrent=1))
    asyncio.run(quiet.coordinator().run())
    paused = world_of(tmp_path / "paused", mipro_config(max_concurrent=1))
    ordered = asyncio.Event()

    def order(item: EvaluateCandidate, attempt: int) -> None:
        if item.purpose is Purpose.TRIAL and not ordered.is_set():
            paused.orders.put_nowait(GivenOrder(Order.PAUSE, "a test"))
            ordered.set()

    async def run() -> RunStatus:
        running = asyncio.create_task(paused.coordinator().run())
        await ordered.wait()
        for _ in range(200):
            await asyncio.sleep(0)
        begun = paused.attempts
        assert load_view(paused.store, RUN).status is RunStatus.PAUSED
        for _ in range(200):
            await asyncio.sleep(0)
        assert paused.attempts == begun
        paused.orders.put_nowait(GivenOrder(Order.GO, "a test"))
        return await running

    paused.fault = order
    assert asyncio.run(run()) is RunStatus.SUCCEEDED
    assert decided(paused) == decided(quiet)
    assert load_view(paused.store, RUN).best_id == load_view(quiet.store, RUN).best_id


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"termination_config": {"max_rollouts": 50}}, "rollout budget: "),
        ({"termination_config": {"max_cost_usd": 0.08}}, "cost budget: "),
        ({"max_spend_usd": 0.08}, "cost budget: "),
        ({"termination_config": {"max_tokens": 7000}}, "token budget: "),
        ({"max_total_tokens": 7000}, "token budget: "),
        ({"max_token_limit": 7000}, "token budget: "),
        ({"termination_config": {"max_category_costs_usd": {"mutation": 0.03}}}, "mutation cost"),
        ({"termination_config": {"max_seconds": 40}}, "time budget: 4"),
        ({"max_wall_clock_seconds": 40}, "time budget: 4"),
        ({"termination_config": {"max_trials": 3}}, "max trials: 3 of 3"),
        ({"num_iterations": 1, "num_evaluations_per_iteration": 2}, "max trials: 2 of 2"),
        ({"termination_config": {"max_trials_without_improvement": 2}}, "patience: "),
    ],
    ids=str,
)
def test_every_limit_ends_the_search_says_so_and_is_not_overshot(
    tmp_path: Path, limits: dict[str, object], reason: str
) -> None:
    world = world_of(tmp_path, mipro_config(**{"rollout_budget": 90, **limits}))

    def pass_time(item: EvaluateCandidate, attempt: int) -> None:
        world.now_s += 1.0

    world.fault = pass_time
    view = finish(world)
    assert view.status is RunStatus.SUCCEEDED
    assert view.reason.startswith(reason), view.reason
    found = world.config.limits
    assert view.search_rollouts <= found.max_rollouts
    assert found.max_cost_usd is None or view.spend.cost_usd <= found.max_cost_usd
    assert found.max_tokens is None or view.spend.usage.total_tokens <= found.max_tokens
    assert found.max_seconds is None or view.search_rollouts <= found.max_seconds + 8
    assert view.rollouts_by_purpose[Purpose.HELD_OUT] in (len(TEST), 2 * len(TEST))


@pytest.mark.parametrize("top_k", [1, 3])
def test_the_best_few_are_scored_on_the_test_seeds_once_and_nothing_else_is(
    tmp_path: Path, top_k: int
) -> None:
    view = finish(world_of(tmp_path, mipro_config(validation_top_k=top_k, rollout_budget=90)))
    measured = [record for record in view.candidates.values() if record.held_out]
    assert {view.initial_id, view.best_id} <= {record.candidate.id for record in measured}
    assert top_k <= len(measured) <= top_k + 1
    assert all(sorted(record.held_out) == list(TEST) for record in measured)


def test_run_with_instructions_alone_has_no_demonstration(tmp_path: Path) -> None:
    world = world_of(tmp_path, mipro_config(demo={"max_few_shot_examples": 0}))
    view = finish(world)
    assert len(view.candidates) > 1
    for record in view.candidates.values():
        assert record.candidate.demos == ()
        assert "Here are examples of inputs" not in record.candidate.texts["system"]


@pytest.mark.parametrize("placement", ["text", "messages"])
def test_run_with_demonstrations_alone_asks_the_meta_model_nothing(
    tmp_path: Path, placement: str
) -> None:
    config = mipro_config(demo={"placement": placement}, grounding={"n": 1})
    world = world_of(tmp_path, config)
    view = finish(world)
    assert world.reflections == []
    assert len(view.candidates) > 1
    for record in view.candidates.values():
        candidate = record.candidate
        assert candidate.texts["system"].startswith(INSTRUCTION)
        if candidate.id != view.initial_id:
            in_text = candidate.texts["system"] != INSTRUCTION
            assert in_text == (placement == "text")
            assert bool(candidate.demos) == (placement == "messages")
