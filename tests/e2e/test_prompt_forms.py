"""Real runs on the shipped intents: candidates as sections of a template, and as replaced texts."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.transformation import Transformation
from ray_promptopt.tasks.intents.app import build_task
from tests.e2e.clusters import Cluster, ray_head
from tests.e2e.processes import finish, run_command, start_command
from tests.e2e.small_run import Journal, write_config

pytestmark = pytest.mark.ray

ROLE = "You are a customer support assistant of an online shop."
TASK = "Read the customer's query and classify it into one of the available intents."
CLOSING = "Classify the query with the intents_classify tool."
FORMS = {
    "template": f"""
[[prompt_learning.initial_prompt.sections]]
name = "role"
content = "{ROLE}"
order = 0

[[prompt_learning.initial_prompt.sections]]
name = "task"
content = "{TASK}"
order = 1

[[prompt_learning.initial_prompt.sections]]
name = "closing"
role = "user"
content = "{CLOSING}"
order = 2
""",
    "transformation": f"""
[[prompt_learning.initial_prompt.text_replacements]]
name = "task"
old_text = "{TASK}"

[[prompt_learning.initial_prompt.text_replacements]]
name = "closing"
old_text = "{CLOSING}"
apply_to_role = "user"
""",
}


@dataclass(frozen=True)
class Finished:
    """A finished run, its form and its journal."""

    form: str
    cwd: Path
    journal: Journal

    @property
    def texts(self) -> dict[str, str]:
        """Of the best candidate, by the name of the section or of the replaced text."""
        best = self.journal.view().best
        assert best is not None
        return best.candidate.texts

    @property
    def export(self) -> dict[str, Any]:
        folder = self.cwd / "runs" / str(self.journal.run_id)
        exported: dict[str, Any] = json.loads((folder / "best_prompt.export.json").read_text())
        return exported


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    """By form; all at the same time on one cluster, behind one gateway."""
    folders = {form: tmp_path_factory.mktemp(form) for form in FORMS}
    with ray_head() as cluster:
        commands = [_start(form, cwd, cluster) for form, cwd in folders.items()]
        done = [finish(command, timeout_s=240.0) for command in commands]
    assert [one.returncode for one in done] == [0] * len(done), [one.stderr for one in done]
    return {form: Finished(form, cwd, Journal(cwd / "runs")) for form, cwd in folders.items()}


def _start(form: str, cwd: Path, cluster: Cluster) -> "subprocess.Popen[str]":
    config = write_config(cwd, latency_s=0.0)
    config.write_text(config.read_text() + FORMS[form])
    return start_command(
        *("run", config.name, "--address", cluster.address), cwd=cwd, environ=cluster.environ
    )


@pytest.fixture(params=FORMS)
def run(request: pytest.FixtureRequest, runs: dict[str, Finished]) -> Finished:
    return runs[request.param]


def test_the_search_gains_and_counts_every_rollout_once(run: Finished) -> None:
    view = run.journal.view()
    means = [one.validation_mean for one in (view.initial, view.best) if one is not None]
    baseline, best = [mean for mean in means if mean is not None]
    assert best > baseline
    run.journal.assert_counted_once_and_in_order()


def test_the_best_prompt_is_exported_in_the_form_of_its_run(run: Finished) -> None:
    kind, data = run.export["payload_kind"], run.export["object"]["data"]
    assert kind == run.export["object"]["type"] == run.form
    if run.form == "template":
        assert run.texts.keys() == {"role", "task", "closing"}
        sections = {one["name"]: (one["role"], one["content"]) for one in data["sections"]}
        assert sections["role"] == ("system", run.texts["role"])
        assert sections["closing"] == ("user", run.texts["closing"])
        assert [one["order"] for one in data["sections"]] == list(range(len(sections)))
    else:
        changed = {one["old_text"]: one["new_text"] for one in data["text_replacements"]}
        named = {TASK: "task", CLOSING: "closing"}
        assert {named[old]: new for old, new in changed.items()}.items() <= run.texts.items()
        assert changed
    for text in run.texts.values():
        assert text in run.export["full_text"]


def test_a_call_of_the_app_is_sent_with_the_best_texts_in_place_of_its_own(run: Finished) -> None:
    messages = build_task().messages("Where is my parcel?")
    (run.cwd / "call.json").write_text(json.dumps({"messages": messages}))
    done = run_command("explain-intercept", "latest", "call.json", "--json", cwd=run.cwd)
    shown = json.loads(done.stdout)
    sent = [message["after"] or message["before"] for message in shown["messages"]]
    system, user = (message["content"] for message in messages)
    role = run.texts.get("role", ROLE)
    assert sent == [
        system.replace(ROLE, role).replace(TASK, run.texts["task"]),
        user.replace(CLOSING, run.texts["closing"]),
    ]
    assert shown["export"] == run.export
    change = Transformation.from_dict(shown["transformation"])
    given = [ChatMessage(one["role"], one["content"]) for one in messages]
    assert [message.content for message in change.apply(given)] == sent
