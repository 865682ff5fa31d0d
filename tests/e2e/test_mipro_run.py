"""One real MIPRO run on the shipped intents: 96 rollouts of search, journal and answer."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ray_promptopt.core.work import Purpose
from ray_promptopt.runs.recovery import recover_optimizer
from ray_promptopt.store.events import Decided, ReferenceRead, RolloutFinished, SearchEnded
from ray_promptopt.store.journal import RunStore, sqlite_url
from ray_promptopt.tasks.intents.app import load_splits
from tests.e2e.processes import run_command

BUDGET = 99
CONFIG = f"""
[prompt_learning]
algorithm = "mipro"
task_app_id = "intents"
rng_seed = 7

[prompt_learning.env_config]
train_split = "train"
validation_split = "validation"
test_split = "test"

[prompt_learning.policy]
provider = "embedded"
model = "embedded/reader-nano"

[prompt_learning.termination_config]
max_rollouts = {BUDGET}

[prompt_learning.mipro]
num_iterations = 16
num_evaluations_per_iteration = 6
batch_size = 6
max_concurrent = 8
meta_model = "embedded/writer"
meta_model_provider = "embedded"
bootstrap_train_seeds = {{ start = 0, end = 40 }}
online_pool = {{ start = 0, end = 24 }}
test_pool = {{ start = 0, end = 20 }}
reference_pool = {{ start = 100, end = 130 }}

[prompt_learning.mipro.demo]
sets_per_size = 1

[prompt_learning.mipro.meta_update]
every_iterations = 1
"""


@dataclass(frozen=True)
class Finished:
    outcome: dict[str, Any]
    store: RunStore

    @property
    def run_id(self) -> Any:
        return self.outcome["run_id"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    cwd: Path = tmp_path_factory.mktemp("mipro")
    (cwd / "mipro.toml").write_text(CONFIG)
    done = run_command("run", "mipro.toml", "--address", "local", "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return Finished(json.loads(done.stdout), RunStore(sqlite_url(cwd / "runs")))


def test_run_within_96_rollouts_of_search_improves_and_spends_not_one_more(run: Finished) -> None:
    finished = [
        stored.event
        for stored in run.store.events(run.run_id)
        if isinstance(stored.event, RolloutFinished)
    ]
    searched = [event for event in finished if event.purpose is not Purpose.HELD_OUT]
    assert run.outcome["status"] == "succeeded"
    assert len(searched) == run.outcome["rollouts"] <= BUDGET
    assert {Purpose.BOOTSTRAP, Purpose.TRIAL} <= {event.purpose for event in searched}
    assert run.outcome["best_validation"] > run.outcome["baseline_validation"]
    assert run.outcome["held_out"]["seeds"] == 20


def test_run_reads_its_reference_corpus_from_the_task_app_once(run: Finished) -> None:
    events = [stored.event for stored in run.store.events(run.run_id)]
    (corpus,) = [event for event in events if isinstance(event, ReferenceRead)]
    rows = load_splits()["train"][100:130]
    assert corpus.texts == tuple(dict.fromkeys(row.text for row in rows))


def test_run_when_replayed_from_its_journal_decides_the_same(run: Finished) -> None:
    journalled = [
        stored.event.decision
        for stored in run.store.events(run.run_id)
        if isinstance(stored.event, Decided)
    ]
    recovered = recover_optimizer(run.store, run.run_id)
    assert recovered.decisions(0) == journalled
    assert recovered.stop_reason() is not None
    assert recovered.counts().best == journalled_best(run)


def journalled_best(run: Finished) -> str:
    ended = [
        stored.event
        for stored in run.store.events(run.run_id)
        if isinstance(stored.event, SearchEnded)
    ]
    return ended[-1].best
