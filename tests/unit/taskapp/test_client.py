"""The client against answers of every kind, without a socket."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.core.ids import CorrelationId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange, Trace
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.rollouts.result import ErrorKind
from ray_promptopt.rollouts.scoring import judge
from ray_promptopt.taskapp.client import TaskAppClient
from ray_promptopt.taskapp.contract import RolloutResponse
from ray_promptopt.taskapp.rewards import feedback_of, reward_of
from tests.fakes.scripted_http import ScriptedHttp

Handler = Callable[[httpx.Request], httpx.Response]
CALLED = Trace(
    CorrelationId("trace_1"),
    (Exchange((ChatMessage("user", "q"),), "a", "m", NO_SPEND, 0.1, 200),),
)


def client(handler: Handler, key: str = "the-key") -> TaskAppClient:
    return TaskAppClient("http://app:8101/", key, timeout_s=5.0, http=ScriptedHttp(handler))


def answering(status: int, body: str, **headers: str) -> TaskAppClient:
    return client(lambda request: httpx.Response(status, text=body, headers=headers))


@pytest.mark.parametrize(
    ("status", "body", "words", "kind"),
    [
        (200, "<html>hello</html>", "no JSON ('<html>hello</html>'): is this a task app?",
         ErrorKind.REJECTED),
        (200, "", "no JSON", ErrorKind.REJECTED),
        (200, '{"metrics": {', "no JSON", ErrorKind.REJECTED),
        (200, "[]", "answered off the contract", ErrorKind.REJECTED),
        (200, '"ok"', "answered off the contract", ErrorKind.REJECTED),
        (200, "null", "answered off the contract", ErrorKind.REJECTED),
        (200, "{}", "metrics: Field required", ErrorKind.REJECTED),
        (200, '{"metrics": null}', "metrics: Field required", ErrorKind.REJECTED),
        (200, '{"metrics": 1}', "metrics: ", ErrorKind.REJECTED),
        (200, '{"metrics": {"mean_return": "good"}}', "metrics.mean_return: ", ErrorKind.REJECTED),
        (200, '{"metrics": {"mean_return": [1]}}', "metrics.mean_return: ", ErrorKind.REJECTED),
        (200, '{"metrics": {"details": "x"}}', "metrics.details: ", ErrorKind.REJECTED),
        (200, '{"metrics": {}}', "no reward", ErrorKind.REJECTED),
        (200, '{"metrics": {"details": {"correct": "yes"}}}', "no reward", ErrorKind.REJECTED),
        (200, '{"metrics": {"mean_return": NaN}}', "reward is nan", ErrorKind.REJECTED),
        (200, '{"metrics": {"mean_return": Infinity}}', "reward is inf", ErrorKind.REJECTED),
        (200, '{"metrics": {"mean_return": "NaN"}}', "reward is nan", ErrorKind.REJECTED),
        (200, '{"metrics": {"mean_return": 1}, "trajectories": [{"steps": 3}]}',
         "trajectories.0.steps: ", ErrorKind.REJECTED),
        (302, "", "redirects to http://other/ (302): give the URL", ErrorKind.REJECTED),
        (400, '{"detail": "the API key is missing or wrong"}', "set ENVIRONMENT_API_KEY",
         ErrorKind.FATAL),
        (400, '{"detail": {"error": {"message": "API key missing or invalid"}}}',
         "set ENVIRONMENT_API_KEY", ErrorKind.FATAL),
        (401, "", "refused the API key (401)", ErrorKind.FATAL),
        (403, "", "refused the API key (403)", ErrorKind.FATAL),
        (404, "", "is this the task app's base URL?", ErrorKind.FATAL),
        (400, "seed 99: split 'test' has seeds 0 to 9", "seed 99", ErrorKind.REJECTED),
        (422, '{"detail": [{"loc": ["mode"]}]}', "answered 422", ErrorKind.REJECTED),
        (500, "Internal Server Error", "answered 500: Internal", ErrorKind.INFRASTRUCTURE),
        (503, "starting", "answered 503: starting", ErrorKind.INFRASTRUCTURE),
        (429, "slow down", "answered 429", ErrorKind.INFRASTRUCTURE),
    ],
)  # fmt: skip
async def test_an_answer_of_no_use_is_never_a_score_and_says_what_to_mend(
    status: int, body: str, words: str, kind: ErrorKind
) -> None:
    app = answering(status, body, location="http://other/")
    answer: RolloutResponse | TaskAppError
    try:
        answer = await app.rollout({})
    except TaskAppError as error:
        answer = error
    result = judge(answer, CALLED, 0.1, None)
    assert result.score is None
    assert result.error is not None
    assert words in result.error.message
    assert result.error.kind is kind


@pytest.mark.parametrize(
    ("metrics", "reward"),
    [
        ({"mean_return": 0.25, "outcome_score": 1.0}, 0.25),
        ({"mean_return": 0.0, "outcome_score": 1.0}, 0.0),
        ({"mean_return": None, "outcome_score": 0.5, "reward_mean": 1.0}, 0.5),
        ({"outcome_reward": 0.75, "reward_mean": 1.0}, 0.75),
        ({"reward_mean": -1}, -1.0),
        ({"details": {"correct": True}}, 1.0),
        ({"details": {"correct": False}}, 0.0),
        ({"mean_return": "0.5"}, 0.5),
        ({"mean_return": 1, "episode_returns": None, "details": None, "num_steps": None}, 1.0),
    ],
)
async def test_the_reward_is_read_wherever_existing_apps_put_it(
    metrics: dict[str, Any], reward: float
) -> None:
    app = answering(200, json.dumps({"run_id": 12, "trajectories": None, "metrics": metrics}))
    assert reward_of(await app.rollout({})) == reward


async def test_feedback_is_told_once_from_metrics_and_steps() -> None:
    steps = [{"info": {"feedback": " Nearly. "}}, {"info": None}, {"info": {"feedback": 3}}]
    body = {
        "metrics": {"mean_return": 1, "details": {"feedback": "Nearly."}},
        "trajectories": [{"steps": [*steps, {"info": {"feedback": "Too long."}}], "final": "done"}],
        "extra_of_tomorrow": {},
    }
    assert feedback_of(await answering(200, json.dumps(body)).rollout({})) == "Nearly.\nToo long."


async def test_the_path_follows_the_base_url() -> None:
    seen: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    app = client(keep)
    await app.health()
    await app.info()
    assert await app.task_info() == {}
    await app.task_info([3, 5])
    assert [str(request.url) for request in seen] == [
        "http://app:8101/health",
        "http://app:8101/info",
        "http://app:8101/task_info",
        "http://app:8101/task_info?seeds=3&seeds=5",
    ]


@pytest.mark.parametrize(("status", "found"), [(404, None), (405, None), (200, {"a": 1})])
async def test_metadata_is_optional(status: int, found: dict[str, int] | None) -> None:
    assert await answering(status, '{"a": 1}').metadata() == found


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8101", "ftp://x", "http://", "http://[bad", "http://a b", "http://h:port"],
)
async def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(TaskAppError, match="give it as http://host:port"):
        TaskAppClient(url, "key", timeout_s=1.0)


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
async def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(TaskAppError, match="correct ENVIRONMENT_API_KEY") as caught:
        TaskAppClient("http://app", key, timeout_s=1.0)
    assert key not in str(caught.value)
