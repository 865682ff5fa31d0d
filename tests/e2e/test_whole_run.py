"""One real run on the shipped intents through the real command, looked at from every side."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ray_promptopt
from ray_promptopt.core.errors import JournalError
from ray_promptopt.store.events import RolloutFinished
from ray_promptopt.store.journal import RunStore, sqlite_url
from tests.e2e.processes import run_command
from tests.fakes.browser import render

BUDGET = 180
CONFIG = f"""
[prompt_learning]
algorithm = "gepa"
task_app_id = "intents"

[prompt_learning.env_config]
train_split = "train"
validation_split = "validation"
test_split = "test"

[prompt_learning.policy]
provider = "embedded"
model = "embedded/reader-nano"

[prompt_learning.gepa.rollout]
budget = {BUDGET}
minibatch_size = 4
max_concurrent = 8

[prompt_learning.gepa.mutation]
llm_provider = "embedded"
llm_model = "embedded/writer"

[prompt_learning.gepa.evaluation]
seeds = {{ start = 0, end = 60 }}
validation_seeds = {{ start = 0, end = 24 }}
test_pool = {{ start = 0, end = 20 }}
"""


@dataclass(frozen=True)
class Finished:
    """A finished run: where it was run, its outcome as JSON, what went to standard error."""

    cwd: Path
    outcome: dict[str, Any]
    stderr: str

    @property
    def folder(self) -> Path:
        return self.cwd / "runs" / str(self.outcome["run_id"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    cwd = tmp_path_factory.mktemp("whole")
    (cwd / "tiny.toml").write_text(CONFIG)
    done = run_command("run", "tiny.toml", "--address", "local", "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return Finished(cwd, json.loads(done.stdout), done.stderr)


def answer(run: Finished, *arguments: str) -> Any:
    done = run_command(*arguments, "--json", cwd=run.cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_run_when_finished_then_its_budget_is_what_the_journal_counted(run: Finished) -> None:
    store = RunStore(sqlite_url(run.cwd / "runs"))
    run_id = store.find_run("latest")
    events = [stored.event for stored in store.events(run_id)]
    counted = [event for event in events if isinstance(event, RolloutFinished)]
    store.close()
    assert run.outcome["status"] == "succeeded"
    assert run.outcome["rollout_budget"] == BUDGET
    assert run.outcome["rollouts"] <= BUDGET
    assert run.outcome["rollouts"] + run.outcome["held_out_rollouts"] == len(counted)


def test_run_when_finished_then_its_folder_holds_all_there_is_to_know(run: Finished) -> None:
    resolved = json.loads((run.folder / "config.resolved.json").read_text())
    candidates = json.loads((run.folder / "candidates.json").read_text())
    best = json.loads((run.folder / "best_prompt.json").read_text())
    assert resolved["limits"]["max_rollouts"] == BUDGET
    assert len(candidates) == run.outcome["num_candidates"]
    assert [found["components"] for found in candidates if found["best"]] == [best]
    assert best == run.outcome["best_prompt"]
    assert (run.folder / "best_prompt.txt").read_text().strip() == best["system"].strip()


def test_run_when_finished_then_its_page_renders(run: Finished, tmp_path: Path) -> None:
    rendered = render(run.folder / "report.html", tmp_path)
    assert rendered.console == []
    assert 'id="curve"' in rendered.dom
    assert rendered.dom.count('<tr id="c-') == run.outcome["num_candidates"]


def test_run_when_asked_for_json_then_progress_goes_to_standard_error(run: Finished) -> None:
    assert f"run {run.outcome['run_id']}" in run.stderr
    assert "held-out evaluation" in run.stderr
    assert f"rollouts {run.outcome['rollouts']}/{BUDGET}" in run.stderr


def test_results_when_asked_again_then_tells_the_same(run: Finished) -> None:
    assert answer(run, "results", "latest") == run.outcome
    assert answer(run, "results") == {"runs": [run.outcome]}
    listed = run_command("results", cwd=run.cwd)
    assert run.outcome["run_id"] in listed.stdout
    shown = run_command("results", "latest", cwd=run.cwd)
    assert str(run.folder / "report.html") in shown.stdout


def test_evaluate_when_a_better_prompt_was_found_then_compares_in_pairs(run: Finished) -> None:
    compared = answer(run, "evaluate", "latest", "--split", "test")["held_out"]
    low, high = compared["interval_95"]
    assert compared["seeds"] == 20
    assert low <= compared["difference"] <= high
    assert compared["distinguishable"] == (low > 0 or high < 0)


def test_load_run_when_finished_then_is_what_the_command_told(run: Finished) -> None:
    view = ray_promptopt.load_run("latest", results=run.cwd / "runs")
    assert view.run_id == run.outcome["run_id"]
    assert view.best is not None
    assert view.best.candidate.texts == run.outcome["best_prompt"]


def test_resume_when_run_is_complete_then_refuses(run: Finished) -> None:
    with pytest.raises(JournalError, match="is complete"):
        ray_promptopt.resume("latest", results=run.cwd / "runs")
    done = run_command("resume", "latest", cwd=run.cwd)
    assert done.returncode == 1
    assert "is complete" in done.stderr


def test_results_when_run_is_unknown_then_names_those_there_are(run: Finished) -> None:
    done = run_command("results", "nothing", cwd=run.cwd)
    assert done.returncode == 1
    assert run.outcome["run_id"] in done.stderr
    assert done.stdout == ""
