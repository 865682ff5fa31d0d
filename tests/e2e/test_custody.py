"""Over a whole run, the task app never receives a word of a candidate: not in what the optimizer
sends it, and not in what comes back through the gateway, the model's own words excepted."""

import asyncio
import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ray_promptopt.store.events import Decided, ProposalFinished
from tests.e2e.clusters import free_port
from tests.e2e.processes import run_command
from tests.e2e.small_run import Journal, write_config

pytestmark = pytest.mark.ray
_WORDS = 3


class RecordingProxy:
    """Stands between task app and gateway, and keeps every body that passes."""

    def __init__(self, gateway_url: str) -> None:
        self.sent: list[str] = []
        self.answered: list[str] = []
        self._gateway_url = gateway_url
        self.app = Starlette(routes=[Route("/{path:path}", self._pass_on, methods=["POST"])])

    async def _pass_on(self, request: Request) -> Response:
        body = await request.body()
        self.sent.append(body.decode())
        url = f"{self._gateway_url}{request.url.path}?{request.url.query}"
        async with httpx.AsyncClient(timeout=60.0) as client:
            answer = await client.post(
                url, content=body, headers={"content-type": "application/json"}
            )
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.answered += [headers, answer.text]
        return Response(answer.content, answer.status_code, media_type="application/json")


@contextmanager
def serving_in_a_thread(app: Starlette, port: int) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def phrases(texts: Iterable[str]) -> set[tuple[str, ...]]:
    """Every run of so many words, whatever is between them."""
    found: set[tuple[str, ...]] = set()
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        found |= {tuple(words[i : i + _WORDS]) for i in range(len(words) - _WORDS + 1)}
    return found


def without_model_text(body: str) -> str:
    """A chat completion with the model's own words taken out."""
    answer: dict[str, Any] = json.loads(body)
    for choice in answer.get("choices", ()):
        choice["message"] = {"role": choice["message"]["role"]}
    return json.dumps(answer)


def test_task_app_over_a_whole_run_never_receives_a_word_of_a_candidate(tmp_path: Path) -> None:
    log, gateway_port, proxy_port = tmp_path / "requests.jsonl", free_port(), free_port()
    proxy = RecordingProxy(f"http://127.0.0.1:{gateway_port}")
    table = f'port = {gateway_port}\npublic_url = "http://127.0.0.1:{proxy_port}"'
    config = write_config(tmp_path, gateway=table, latency_s=0.0)
    with serving_in_a_thread(proxy.app, proxy_port):
        ended = run_command(
            "run", str(config), "--address", "local", "--results", "runs",
            cwd=tmp_path, environ={"TASK_APP_REQUEST_LOG": str(log)},
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr + ended.stdout
    journal = Journal(tmp_path / "runs")
    view = journal.view()
    assert view.initial is not None
    candidates = [
        event.decision.candidate
        for event in journal.events()
        if isinstance(event, Decided) and event.decision.candidate is not None
    ]
    secret = [text for candidate in candidates for text in candidate.texts.values()]
    secret += [
        event.outcome.text for event in journal.events() if isinstance(event, ProposalFinished)
    ]
    # What the app itself says is no secret to it: its own prompt, its own data.
    own = phrases(proxy.sent)
    forbidden = phrases(secret) - own
    assert len({candidate.id for candidate in candidates}) >= 3
    assert len(forbidden) > 50

    received = [json.loads(line) for line in log.read_text().splitlines()]
    rollouts = [line for line in received if line["path"] == "/rollout"]
    assert len(rollouts) == view.search_rollouts + 24
    assert len(proxy.sent) == len(rollouts)
    assert not phrases(json.dumps(line) for line in received) & forbidden
    completions, headers = proxy.answered[1::2], proxy.answered[::2]
    assert not phrases(headers) & forbidden
    assert not phrases(map(without_model_text, completions)) & forbidden
    # The app's prompt was the baseline in every single call.
    prompts = {json.loads(body)["messages"][0]["content"] for body in proxy.sent}
    assert prompts == set(view.initial.candidate.texts.values())
