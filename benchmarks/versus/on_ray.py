"""This project's search as its users run it: Ray, gateway, a task app over HTTP, in real time."""

import tempfile
import time
from pathlib import Path

from benchmarks.versus.held_out import accuracy
from benchmarks.versus.problem import TASKS, Problem
from benchmarks.versus.record import SAMPLE_EVERY, Best, RunKey, RunRecord, Setting
from ray_promptopt import python_api
from ray_promptopt.config.schema import (
    EmbeddedOptions,
    Limits,
    ModelRef,
    RunConfig,
    Splits,
    TaskAppConfigRef,
)
from ray_promptopt.config.schema_gepa import GepaConfig
from ray_promptopt.core.examples import Part
from ray_promptopt.core.work import DecisionKind, Purpose
from ray_promptopt.runs.optimizers import NUM_BASELINE_ROLLOUTS
from ray_promptopt.store.events import Decided, ProposalFinished, RolloutFinished, RunStarted
from ray_promptopt.store.journal import RunStore, StoredEvent, sqlite_url

REFLECTION_TEMPERATURE = 1.0


def run_on_ray(key: RunKey, setting: Setting) -> RunRecord:
    """One run on a local Ray, read off its journal.

    The clock begins when the coordinator does. Rollouts that learn the baseline come on top.
    """
    problem = TASKS[key.task].draw(key.seed, TASKS[key.task].sizes)
    launched_s = time.time()
    with tempfile.TemporaryDirectory() as folder:
        config = _config(problem, key, setting)
        view = python_api.optimize(config, address="local", results=Path(folder))
        events = RunStore(sqlite_url(Path(folder))).events(view.run_id)
    return _record(key, setting, events, launched_s)


def _record(
    key: RunKey, setting: Setting, events: list[StoredEvent], launched_s: float
) -> RunRecord:
    began_s = next(stored.at_s for stored in events if isinstance(stored.event, RunStarted))
    rollouts = [
        (stored.at_s - began_s, stored.event)
        for stored in events
        if isinstance(stored.event, RolloutFinished)
        and stored.event.purpose is not Purpose.HELD_OUT
    ]
    reflections = [e.event for e in events if isinstance(e.event, ProposalFinished)]
    wall_s = rollouts[-1][0]
    busy_s = sum(event.outcome.latency_s for _, event in rollouts)
    busy_s += sum(event.outcome.latency_s for event in reflections)
    bests = _bests(key, setting, events, began_s)
    return RunRecord(
        task=key.task,
        contestant=key.contestant,
        seed=key.seed,
        wall_s=round(wall_s, 3),
        rollouts=len(rollouts),
        policy_calls=sum(event.outcome.spend.calls for _, event in rollouts),
        reflection_calls=len(reflections),
        mean_in_flight=round(busy_s / wall_s, 2),
        cpu_s=0.0,
        stop_reason="see the run's journal",
        final_words=0,
        bests=bests,
        clock_s=tuple(round(at_s, 2) for at_s, _ in rollouts[SAMPLE_EVERY - 1 :: SAMPLE_EVERY]),
        start_up_s=round(began_s - launched_s, 1),
    )


def _bests(
    key: RunKey, setting: Setting, events: list[StoredEvent], began_s: float
) -> tuple[Best, ...]:
    bests = []
    for stored in events:
        event = stored.event
        if not isinstance(event, Decided) or event.decision.kind is not DecisionKind.NEW_BEST:
            continue
        candidate = event.decision.candidate
        assert candidate is not None
        (text,) = candidate.texts.values()
        held_out = accuracy(key.task, text, setting.policy_model)
        bests.append(Best(round(stored.at_s - began_s, 3), event.rollouts, held_out))
    return tuple(bests)


def _config(problem: Problem, key: RunKey, setting: Setting) -> RunConfig:
    train, validation = problem.drawn[Part.TRAIN], problem.drawn[Part.VALIDATION]
    return RunConfig(
        algorithm="gepa",
        task_app=TaskAppConfigRef(id=key.task),
        policy=ModelRef(provider="embedded", model=setting.policy_model, temperature=0.0),
        reflection=ModelRef(
            provider="embedded", model="embedded/writer", temperature=REFLECTION_TEMPERATURE
        ),
        gepa=GepaConfig(minibatch_size=setting.minibatch_size),
        splits=Splits(
            train=train.seeds,
            validation=validation.seeds,
            train_split=train.split,
            validation_split=validation.split,
        ),
        limits=Limits(max_rollouts=setting.rollout_budget + NUM_BASELINE_ROLLOUTS),
        max_concurrent=setting.max_concurrent,
        embedded=EmbeddedOptions(
            policy_latency_s=setting.policy_median_s,
            reflection_latency_s=setting.reflection_median_s,
            latency_sigma=setting.latency_sigma,
            seed=key.seed,
        ),
        rng_seed=key.seed,
    )
