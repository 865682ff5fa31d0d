"""Whole MIPRO runs in memory: what may stand in which prompt, interruptions, and every limit."""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ray_promptopt.config.loader import parse_config
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.core.work import Purpose
from ray_promptopt.runs.recovery import recover_optimizer
from ray_promptopt.store.events import Decided, ReferenceRead
from ray_promptopt.store.run_view import RunView, load_view
from tests.fakes.world import RUN, World

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
