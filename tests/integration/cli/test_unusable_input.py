"""Unusable input at the real command: refused in words, with an exit code, before Ray starts."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ray_promptopt.core.ids import RunId
from ray_promptopt.store.journal import RunStore, sqlite_url
from ray_promptopt.taskapp import create_task_app
from ray_promptopt.tasks.registry import task_app_config
from tests.fakes.commands import KEY, Finished, ray_promptopt, ray_promptopt_process
from tests.fakes.loopback import free_port, served

SOUND = """
algorithm = "gepa"
task_app_url = "http://127.0.0.1:1"
[policy]
provider = "openai"
model = "gpt-4o-mini"
[gepa.rollout]
budget = 40
minibatch_size = 3
[gepa.evaluation]
train_seeds = [0, 1, 2, 3, 4]
validation_seeds = [5, 6, 7]
"""


def assert_refused(command: Finished, code: int, *words: str) -> None:
    assert command.code == code, command
    assert command.stdout == "" or "starting" in command.stdout
    assert "Traceback" not in command.stderr
    for word in words:
        assert word in command.stderr


FAULTY_CONFIGS = [
    pytest.param("algorithm = ", "", ["TOML", "line 2"], id="malformed TOML"),
    pytest.param('"gepa"', '"genetic"', ["algorithm = 'genetic'", '"mipro"'], id="algorithm"),
    pytest.param("gpt-4o-mini", "gpt-3", ["policy.model = 'gpt-3'", "gpt-4o-mini"], id="model"),
    pytest.param("gpt-4o-mini", "gpt-5-pro", ["policy.model", "too expensive"], id="gpt-5-pro"),
    pytest.param("gpt-4o-mini", "gpt-4.1-nano", ["mutation.llm_model", "too small"], id="nano"),
    pytest.param('"openai"', '"groq"', ["provider openai, not of groq"], id="other provider"),
    pytest.param('"openai"', '"acme"', ["policy.provider = 'acme'"], id="provider"),
    pytest.param("[5, 6, 7]", "[3, 4, 7]", ["[3, 4]", "also in gepa.evaluation.train_seeds"],
                 id="overlap"),
    pytest.param("http://127.0.0.1:1", "${SHOP_URL}", ["task_app_url = '${SHOP_URL}'",
                 "set the variable SHOP_URL"], id="missing variable"),
    pytest.param("budget = 40", "budget = 7", ["gepa.rollout.budget = 7", "the least that works"],
                 id="budget too small"),
    pytest.param("budget = 40", "budget = 0", ["gepa.rollout.budget = 0"], id="no budget"),
    pytest.param("minibatch_size", "minibatch_sise", ["did you mean"], id="unknown key"),
    pytest.param("http://127.0.0.1:1", "127.0.0.1:1", ["task_app_url", "must begin with http"],
                 id="URL"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVIRONMENT_API_KEY", KEY)
    for name in ("RAY_ADDRESS", "RAY_PROMPTOPT_RESULTS", "SHOP_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("verb", ["validate", "run"])
@pytest.mark.parametrize(("old", "new", "words"), FAULTY_CONFIGS)
async def test_every_fault_of_a_config_names_key_value_and_remedy(
    tmp_path: Path, verb: str, old: str, new: str, words: list[str]
) -> None:
    (tmp_path / "c.toml").write_text(SOUND.replace(old, new, 1))
    assert_refused(await ray_promptopt(verb, "c.toml"), 2, "c.toml", *words)
    assert not (tmp_path / "runs").exists()


async def test_a_faulty_config_ends_the_real_command_with_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(SOUND.replace("gpt-4o-mini", "gpt-3"))
    command = await ray_promptopt_process("validate", "c.toml", cwd=tmp_path)
    assert_refused(command, 2, "policy.model = 'gpt-3'")


async def test_all_faults_are_told_at_once_and_no_secret_is_among_them(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        SOUND.replace("gpt-4o-mini", "gpt-3").replace("budget = 40", "budget = 1")
        + 'judg = 1\ntask_app_api_key = "my-secret-key"\n'
    )
    command = await ray_promptopt("validate", "c.toml")
    assert command.code == 2
    assert "problems" in command.stderr
    for word in ("gpt-3", "budget = 1", "judg"):
        assert word in command.stderr
    assert "my-secret-key" not in command.stderr + command.stdout


async def test_a_sound_config_is_printed_resolved_and_nothing_is_started(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(SOUND)
    command = await ray_promptopt("validate", "c.toml")
    assert command.code == 0
    assert json.loads(command.stdout)["limits"]["max_rollouts"] == 40
    assert KEY not in command.stdout
    assert not (tmp_path / "runs").exists()


async def test_a_run_whose_task_app_is_down_or_refuses_the_key_is_not_begun(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(SOUND.replace(":1", f":{free_port()}"))
    down = await ray_promptopt("run", "c.toml")
    assert_refused(
        down, 1, "cannot be reached (Connection refused)", "start it, or correct its URL"
    )
    async with served(KeyedApp()) as url:
        config.write_text(SOUND.replace("http://127.0.0.1:1", url))
        config.write_text(f'task_app_api_key = "other"\n{config.read_text()}')
        wrong = await ray_promptopt("run", "c.toml")
    assert_refused(wrong, 1, "refused the API key (400)", "set ENVIRONMENT_API_KEY")
    async with served(Saying("<html>welcome</html>")) as url:
        config.write_text(SOUND.replace("http://127.0.0.1:1", url))
        other = await ray_promptopt("run", "c.toml")
    assert_refused(other, 1, "no JSON", "is this a task app?")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("verb", ["resume", "results", "evaluate"])
async def test_an_unknown_run_is_refused_with_those_that_there_are(
    tmp_path: Path, verb: str
) -> None:
    known = RunId("pl_" + "7" * 32)
    store = RunStore(sqlite_url(tmp_path / "runs"))
    store.create_run(known, name="n", config="{}")
    store.close()
    command = await ray_promptopt(verb, "pl_unknown")
    assert_refused(command, 1, "run 'pl_unknown'", "no run begins so", known)


async def test_a_results_folder_that_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAY_PROMPTOPT_RESULTS", str(tmp_path / "file"))
    command = await ray_promptopt("results")
    assert_refused(command, 1, str(tmp_path / "file"), "name another with --results")
    (tmp_path / "store.sqlite3").write_text("this is no data base" * 100)
    damaged = await ray_promptopt("results", "--results", str(tmp_path))
    assert_refused(damaged, 1, "store.sqlite3 cannot be used", "damaged")


class KeyedApp:
    """A shipped task app whose key is that of the commands."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        accepted = headers.get(b"x-api-key") == KEY.encode()
        status, body = (
            (200, {"healthy": True}) if accepted else (400, {"detail": "API key is wrong"})
        )
        await answer(send, status, json.dumps(body))


class Saying:
    """An app that says one thing to everything, with status 200."""

    def __init__(self, body: str) -> None:
        self._body = body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await answer(send, 200, self._body)


async def answer(send: Any, status: int, body: str) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


async def test_check_task_app_says_in_words_what_is_wrong(tmp_path: Path) -> None:
    async def checked(app: Any) -> Finished:
        async with served(app) as url:
            return await ray_promptopt("check-task-app", url)

    html = await checked(Saying("<html>welcome</html>"))
    assert (html.code, "FAIL  GET /health" in html.stdout) == (1, True)
    open_to_all = await checked(Saying('{"metrics": {"mean_return": NaN}}'))
    assert open_to_all.code == 1
    for words in ("wrong key: was let in", "reward is nan", "no message was seen"):
        assert words in open_to_all.stdout
    lazy = await checked(Saying('{"metrics": {"mean_return": 1.0}}'))
    assert "none reached the given URL" in lazy.stdout
    assert "not to a provider" in lazy.stdout
    for finished in (html, open_to_all, lazy):
        assert "Traceback" not in finished.stderr
    down = await ray_promptopt("check-task-app", f"http://127.0.0.1:{free_port()}")
    assert (down.code, "Connection refused" in down.stdout) == (1, True)
    nonsense = await ray_promptopt("check-task-app", "localhost:8101")
    assert_refused(nonsense, 1, "'localhost:8101'", "give it as http://host:port")


async def test_check_task_app_finds_nothing_wrong_with_a_shipped_one() -> None:
    async with served(create_task_app(task_app_config("intents"))) as url:
        command = await ray_promptopt("check-task-app", url)
    assert command.code == 0, command.stdout
    assert "FAIL" not in command.stdout
    assert "wrong key: is refused (400)" in command.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["task-app", "nothing"], "choose one of intents, banking77"),
        (["gateway", "--port", "99999"], "99999 is not in the range"),
        (["run"], "Missing argument 'CONFIG'"),
        (["frobnicate"], "No such command"),
        (["evaluate", "latest", "--split", "train"], "'train' is not"),
    ],
)
async def test_arguments_of_no_use_are_refused(arguments: list[str], words: str) -> None:
    command = await ray_promptopt(*arguments)
    assert command.code in (1, 2)
    assert words in command.stderr
    assert "Traceback" not in command.stderr


@pytest.mark.parametrize("service", [["embedded-models"], ["task-app", "intents"]])
async def test_a_port_that_is_taken_ends_a_service_with_an_error(
    tmp_path: Path, service: list[str]
) -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    command = await ray_promptopt_process(*service, "--port", port, cwd=tmp_path)
    server.close()
    assert command.code != 0
    assert "address already in use" in command.stderr.lower()
    assert "Traceback" not in command.stderr
