"""Runs over a task app with two stages: both prompts are found, each in its own calls."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ray_promptopt.core.work import Purpose
from ray_promptopt.runs.recovery import recover_optimizer
from ray_promptopt.store.events import Decided, RolloutFinished
from ray_promptopt.store.journal import RunStore, sqlite_url
from ray_promptopt.store.run_view import load_view
from tests.e2e.clusters import PROJECT, free_port
from tests.e2e.processes import run_command, wait_for
from tests.e2e.two_stage_app import CHECK, SUGGEST

COMMON = """
[prompt_learning]
algorithm = "{algorithm}"
task_app_url = "{url}"
rng_seed = 3

[prompt_learning.env_config]
train_split = "train"
validation_split = "validation"
test_split = "test"

[prompt_learning.initial_prompt.metadata]
pipeline_modules = [
  {{ name = "suggest", instruction_text = "{suggest}" }},
  {{ name = "check", instruction_text = "{check}" }},
]

[prompt_learning.policy]
provider = "embedded"
model = "embedded/reader-nano"
"""
MIPRO = """
[prompt_learning.mipro]
rollout_budget = 99
num_iterations = 16
num_evaluations_per_iteration = 6
batch_size = 6
max_concurrent = 8
meta_model = "embedded/writer"
meta_model_provider = "embedded"
bootstrap_train_seeds = { start = 0, end = 40 }
online_pool = { start = 0, end = 24 }
test_pool = { start = 0, end = 8 }

[prompt_learning.mipro.demo]
placement = "messages"

[prompt_learning.mipro.meta_update]
every_iterations = 1
"""
GEPA = """
[prompt_learning.gepa.rollout]
budget = 90
minibatch_size = 4
max_concurrent = 8

[prompt_learning.gepa.mutation]
llm_provider = "embedded"
llm_model = "embedded/writer"

[prompt_learning.gepa.evaluation]
seeds = { start = 0, end = 24 }
validation_seeds = { start = 0, end = 12 }
test_pool = { start = 0, end = 8 }

[[prompt_learning.gepa.modules]]
module_id = "suggest"

[[prompt_learning.gepa.modules]]
module_id = "check"
"""


@pytest.fixture(scope="module")
def app_url() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.e2e.two_stage_app", str(port)]
    app = subprocess.Popen(command, cwd=PROJECT)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _is_up(url), what="the pipeline's first answer")
        yield url
    finally:
        app.kill()
        app.wait(timeout=30)


def _is_up(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize(("algorithm", "table"), [("mipro", MIPRO), ("gepa", GEPA)])
def test_run_over_two_stages_changes_both_and_tells_them_apart(
    algorithm: str, table: str, app_url: str, tmp_path: Path
) -> None:
    common = COMMON.format(algorithm=algorithm, url=app_url, suggest=SUGGEST, check=CHECK)
    (tmp_path / "pipeline.toml").write_text(common + table)
    done = run_command("run", "pipeline.toml", "--address", "local", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    store = RunStore(sqlite_url(tmp_path / "runs"))
    view = load_view(store, outcome["run_id"])
    assert outcome["status"] == "succeeded"
    # What MIPRO gains in so few trials over four variables is chance; GEPA accepts only gains.
    assert algorithm == "mipro" or outcome["best_validation"] > outcome["baseline_validation"]

    assert view.initial is not None
    initial = view.initial.candidate
    assert tuple(initial.texts) == ("check.system", "suggest.system")
    for component, words in (("check.system", CHECK), ("suggest.system", SUGGEST)):
        assert initial.texts[component].startswith(words)
        tried = {record.candidate.texts[component] for record in view.candidates.values()}
        assert len(tried) > 1, f"{component} was never changed"

    events = [stored.event for stored in store.events(outcome["run_id"])]
    finished = [event for event in events if isinstance(event, RolloutFinished)]
    searched = [event for event in finished if event.purpose is not Purpose.BASELINE]
    for event in searched:
        calls = event.outcome.evidence.calls
        assert [call.stage for call in calls] == ["suggest", "check"]
        assert "Suggested Intent" not in calls[0].inputs
        assert "Available Intents" not in calls[1].inputs
    decided = [event.decision for event in events if isinstance(event, Decided)]
    assert recover_optimizer(store, outcome["run_id"]).decisions(0) == decided
