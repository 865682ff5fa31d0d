"""The shipped classifiers through their real HTTP app, with a scripted model behind real HTTP."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.tasks.intents.app import INSTRUCTION, load_splits
from ray_promptopt.tasks.registry import build_task_app, task_app_config

KEY = "app-key"
FIRST = load_splits()["train"][0]


@dataclass
class ScriptedModel:
    """Answers every call with `message` and `status`; keeps what it was sent."""

    message: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(await request.json())
        return web.json_response({"choices": [{"message": self.message}]}, status=self.status)

    def will_call(self, arguments: str) -> None:
        call = {"id": "c", "type": "function", "function": {"name": "t", "arguments": arguments}}
        self.message = {"role": "assistant", "content": None, "tool_calls": [call]}


@pytest_asyncio.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    scripted = ScriptedModel()
    app = web.Application()
    app.router.add_post("/v1/trial-1/chat/completions", scripted.answer)
    async with TestServer(app) as server:
        scripted.url = str(server.make_url("/v1/trial-1?cid=trace_1"))
        yield scripted


@pytest_asyncio.fixture
async def app(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("ENVIRONMENT_API_KEY", KEY)
    asgi = build_task_app("intents")
    transport = httpx.ASGITransport(asgi)
    async with (
        asgi.router.lifespan_context(asgi),
        httpx.AsyncClient(
            transport=transport, base_url="http://app", headers={"X-API-Key": KEY}
        ) as client,
    ):
        yield client


def rollout(model: ScriptedModel, **env: Any) -> dict[str, Any]:
    return {
        "run_id": "r",
        "env": {"env_name": "intents", "seed": 0, "config": {"split": "train"}, **env},
        "policy": {"config": {"model": "m", "inference_url": model.url}},
        "ops": ["agent"],
        "mode": "eval",
    }


@pytest.mark.parametrize(
    ("arguments", "reward", "feedback"),
    [
        (json.dumps({"intent": FIRST.label}), 1.0, f"Correct: {FIRST.label}."),
        (json.dumps({"intent": f" {FIRST.label.replace('_', ' ').upper()} "}), 1.0, "Correct"),
        (json.dumps({"intent": "track_order"}), 0.0, "but the answer was track_order for: "),
        ("not json", 0.0, f"No usable tool call was made. Expected {FIRST.label}"),
        (json.dumps({"label": "return_item"}), 0.0, "No usable tool call was made."),
        (json.dumps(["return_item"]), 0.0, "No usable tool call was made."),
    ],
)
async def test_rollout_whatever_the_model_calls_then_is_scored_and_said_in_words(
    app: httpx.AsyncClient, model: ScriptedModel, arguments: str, reward: float, feedback: str
) -> None:
    model.will_call(arguments)
    answer = (await app.post("/rollout", json=rollout(model))).json()
    assert answer["metrics"]["mean_return"] == reward
    assert feedback in answer["metrics"]["details"]["feedback"]
    assert feedback in answer["trajectories"][0]["steps"][0]["info"]["feedback"]
    assert answer["trajectories"][0]["inference_url"] == model.url


async def test_rollout_when_model_only_talks_then_scores_zero_and_says_why(
    app: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.message = {"role": "assistant", "content": FIRST.label}
    answer = (await app.post("/rollout", json=rollout(model))).json()
    assert answer["metrics"]["mean_return"] == 0.0
    assert "No usable tool call was made." in answer["metrics"]["details"]["feedback"]


async def test_rollout_whatever_the_seed_then_model_is_sent_the_baseline_prompt(
    app: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.will_call("{}")
    await app.post("/rollout", json=rollout(model))
    sent = model.requests[0]
    assert sent["messages"][0] == {"role": "system", "content": INSTRUCTION}
    assert FIRST.text in sent["messages"][1]["content"]
    assert sent["tool_choice"] == "required"
    assert sent["model"] == "m"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"seed": 100_000}, "seed 100000: split 'train' has seeds 0 to"),
        ({"seed": None}, "env.seed is missing"),
        ({"config": {"split": "dev"}}, "split 'dev': choose one of"),
    ],
)
async def test_rollout_when_the_example_does_not_exist_then_refuses_in_words(
    app: httpx.AsyncClient, model: ScriptedModel, env: dict[str, Any], words: str
) -> None:
    refused = await app.post("/rollout", json=rollout(model, **env))
    assert refused.status_code == 400
    assert words in refused.json()["detail"]
    assert model.requests == []


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_rollout_when_the_model_call_fails_then_fails_too_and_gives_no_score(
    app: httpx.AsyncClient, model: ScriptedModel, status: int
) -> None:
    model.status = status
    failed = await app.post("/rollout", json=rollout(model))
    assert failed.status_code == status
    assert "metrics" not in failed.json()


async def test_rollout_when_the_model_cannot_be_reached_then_is_a_bad_gateway(
    app: httpx.AsyncClient, model: ScriptedModel
) -> None:
    model.url = "http://127.0.0.1:9/v1/trial-1?cid=trace_1"
    failed = await app.post("/rollout", json=rollout(model))
    assert failed.status_code == 502
    assert "cannot be reached" in failed.json()["detail"]


async def test_task_info_when_asked_for_seeds_then_shows_their_queries(
    app: httpx.AsyncClient,
) -> None:
    one = (await app.get("/task_info", params={"seed": 0})).json()
    many = (await app.get("/task_info", params={"seeds": [0, 1]})).json()
    assert one["task_metadata"] == {"seed": 0, "split": "train", "query": FIRST.text}
    assert [row["task_metadata"]["seed"] for row in many] == [0, 1]


def test_banking77_when_folder_is_given_then_serves_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split, text in (("train", "Where is my card?"), ("test", "My card has not come")):
        (tmp_path / f"{split}.csv").write_text(f'text,category\n"{text}",card_arrival\n')
    monkeypatch.setenv("BANKING77_DIR", str(tmp_path))
    taskset = task_app_config("banking77").describe_taskset()
    assert taskset["splits"] == {"train": 1, "test": 1}
    assert taskset["labels"] == ["card_arrival"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "train.csv cannot be read"), ("text,label\na,b\n", r"lacks the column\(s\)")],
)
def test_banking77_when_folder_is_wrong_then_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "train.csv").write_text(content)
    monkeypatch.setenv("BANKING77_DIR", str(tmp_path))
    with pytest.raises(TaskAppError, match=words):
        task_app_config("banking77")


def test_task_app_when_name_does_not_ship_then_names_those_that_do() -> None:
    with pytest.raises(TaskAppError, match="choose one of intents, banking77"):
        task_app_config("intent")
