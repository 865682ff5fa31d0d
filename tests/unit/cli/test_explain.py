"""`explain-intercept` against a journal with one better candidate; nothing is ever sent."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ray_promptopt.cli.main import cli
from ray_promptopt.config.dump import resolved_json
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import RunId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.work import Decision, DecisionKind
from ray_promptopt.prompts.learning import learn_baseline
from ray_promptopt.store.events import BaselineLearned, Decided, Event, RunStarted, SearchEnded
from ray_promptopt.store.journal import RunStore, sqlite_url
from tests.fakes.world import config

BASELINE = "Sort the customer's message into a class."
BETTER = Candidate.of({"system": "Weigh the verbs first."})
RUN = RunId("pl_" + "3" * 32)
BODY: dict[str, Any] = {
    "messages": [{"role": "system", "content": BASELINE}, {"role": "user", "content": "Where?"}]
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    calls = [[ChatMessage("system", BASELINE), ChatMessage("user", text)] for text in ("a", "b")]
    learned = learn_baseline(calls)
    store = RunStore(sqlite_url(tmp_path))
    store.create_run(RUN, name="small", config=resolved_json(config()))
    found = Decision(DecisionKind.CANDIDATE_SCORED, "better", BETTER,
                     (learned.initial_candidate().id,), 0.9)  # fmt: skip
    events: list[Event] = [RunStarted(), BaselineLearned(learned.to_json()), Decided(found, 6),
              SearchEnded("done", BETTER.id)]  # fmt: skip
    store.append(RUN, events)
    return tmp_path


def explain(results: Path, body: Any, *options: str) -> Result:
    arguments = ["explain-intercept", "latest", "-", "--results", str(results), *options]
    text = body if isinstance(body, str) else json.dumps(body)
    return CliRunner().invoke(cli, arguments, input=text)


@pytest.mark.parametrize("body", [BODY, {"instructions": BASELINE, "input": "Where?"}])
def test_a_request_of_either_api_is_shown_with_what_replaces_what(results: Path, body: Any) -> None:
    done = explain(results, body)
    assert done.exit_code == 0, done.output
    assert "message 0 (system): replaced by component 'system'" in done.output
    assert f"    -{BASELINE}\n    +Weigh the verbs first.\n" in done.output
    assert "message 1 (user): passed as it is" in done.output
    assert f"The call would be sent with {BETTER.id}." in done.output


def test_a_request_that_is_not_the_baselines_is_shown_as_refused(results: Path) -> None:
    body = {"messages": [{"role": "system", "content": "Sort the mail."}]}
    done = explain(results, body)
    assert done.exit_code == 1
    assert "refused: message 0 (system) is not the baseline's" in done.output
    assert "refused with 422: nothing is sent" in done.output


def test_json_holds_every_message(results: Path) -> None:
    shown = json.loads(explain(results, BODY, "--json").output)
    assert (shown["sent"], shown["candidate"]) == (True, BETTER.id)
    assert [message["after"] for message in shown["messages"]] == ["Weigh the verbs first.", None]
    (replacement,) = shown["transformation"]["text_replacements"]
    assert (replacement["old_text"], replacement["apply_to_role"]) == (BASELINE, "system")
    assert shown["sections"][0]["content"] == "Weigh the verbs first."
    assert shown["export"]["payload_kind"] == "pattern"
    assert shown["export"]["object"]["data"]["messages"][0]["pattern"] == "Weigh the verbs first."
    assert shown["export"]["full_text"].startswith("[system | system]\nWeigh the verbs first.")


def test_another_candidate_is_named_by_the_beginning_of_its_id(results: Path) -> None:
    initial = Candidate.of({"system": BASELINE}).id
    assert f"sent with {initial}" in explain(results, BODY, "--candidate", initial[:6]).output
    unknown = explain(results, BODY, "--candidate", "zz")
    assert unknown.exit_code == 2
    assert "0 of the run's 2 candidate ids" in unknown.output


@pytest.mark.parametrize("body", ["no json", "[1]", "{}", '{"messages": 7}'])
def test_a_file_that_is_no_request_is_refused_in_words(results: Path, body: str) -> None:
    done = explain(results, body)
    assert done.exit_code == 2
    assert "Invalid value for REQUEST" in done.output
