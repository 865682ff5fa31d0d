"""The server over real HTTP on the loopback address."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from ray_promptopt.llm.embedded import (
    EMBEDDED_MODELS,
    EmbeddedSettings,
    Faults,
    Latency,
    complete,
    create_embedded_app,
)

TOOL = {
    "type": "function",
    "function": {
        "name": "classify",
        "parameters": {"type": "object", "properties": {"intent": {"type": "string"}}},
    },
}
BODY: dict[str, Any] = {
    "model": "embedded/reader",
    "messages": [
        {"role": "system", "content": "Sort the message."},
        {"role": "user", "content": "Query: track it\n\nIntents:\n1. order_tracking\n2. refund"},
    ],
}
Serve = Callable[[EmbeddedSettings], httpx.Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers on free ports and ends them with the test."""
    stops: list[Callable[[], None]] = []

    def start(settings: EmbeddedSettings) -> httpx.Client:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(create_embedded_app(settings), log_level="warning", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        client = httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")

        def stop() -> None:
            client.close()
            server.should_exit = True
            thread.join(timeout=10)
            listener.close()

        stops.append(stop)
        return client

    yield start
    for stop in stops:
        stop()


def _chunks(client: httpx.Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_completion_when_posted_then_is_what_the_pure_function_says(serve: Serve) -> None:
    client = serve(EmbeddedSettings())
    response = client.post("/v1/chat/completions", json=BODY)
    assert response.status_code == 200
    assert response.json() == complete(BODY)
    listed = client.get("/v1/models").json()
    assert [model["id"] for model in listed["data"]] == list(EMBEDDED_MODELS)
    assert client.get("/health").json() == {"status": "ok"}


def test_stream_when_joined_then_is_the_whole_reply(serve: Serve) -> None:
    client = serve(EmbeddedSettings())
    whole = complete(BODY)
    chunks = _chunks(client, {**BODY, "stream_options": {"include_usage": True}})
    said = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert said == whole["choices"][0]["message"]["content"]
    assert chunks[-1]["usage"] == whole["usage"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


def test_stream_when_a_tool_is_called_then_joins_to_the_same_call(serve: Serve) -> None:
    client = serve(EmbeddedSettings())
    body = {**BODY, "tools": [TOOL], "tool_choice": "required"}
    expected = complete(body)["choices"][0]["message"]["tool_calls"][0]
    chunks = _chunks(client, body)
    calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in chunks[1:-1]]
    assert calls[0]["id"] == expected["id"]
    assert calls[0]["function"]["name"] == "classify"
    arguments = "".join(call["function"]["arguments"] for call in calls)
    assert arguments == expected["function"]["arguments"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_key_when_missing_or_wrong_then_is_refused(serve: Serve) -> None:
    client = serve(EmbeddedSettings(api_key="right"))
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        response = client.post("/v1/chat/completions", json=BODY, headers=headers)
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_api_key"
        assert client.get("/v1/models", headers=headers).status_code == 401
    right = {"Authorization": "Bearer right"}
    assert client.post("/v1/chat/completions", json=BODY, headers=right).status_code == 200


def test_request_when_model_or_body_is_bad_then_error_is_openai_shaped(serve: Serve) -> None:
    client = serve(EmbeddedSettings())
    unknown = client.post("/v1/chat/completions", json={**BODY, "model": "gpt-9"})
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "model_not_found"
    assert "embedded/writer" in unknown.json()["error"]["message"]
    broken = client.post("/v1/chat/completions", content=b"[1")
    assert broken.status_code == 400
    assert broken.json()["error"]["type"] == "invalid_request_error"


def test_rate_limit_when_exceeded_then_says_429_with_retry_after(serve: Serve) -> None:
    client = serve(EmbeddedSettings(faults=Faults(max_requests_per_s=1.0)))
    responses = [client.post("/v1/chat/completions", json=BODY) for _ in range(3)]
    assert responses[0].status_code == 200
    assert responses[2].status_code == 429
    assert 0 < float(responses[2].headers["retry-after"]) <= 1.0
    assert responses[2].json()["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (Faults(error_rate=1.0), 500),
        (Faults(timeout_rate=1.0, timeout_s=0.05), 504),
        (Faults(rate_limit_rate=1.0, retry_after_s=3.0), 429),
    ],
)
def test_faults_when_certain_then_every_request_fails(
    serve: Serve, faults: Faults, status: int
) -> None:
    response = serve(EmbeddedSettings(faults=faults)).post("/v1/chat/completions", json=BODY)
    assert response.status_code == status
    assert response.json()["error"]["message"]


def test_reply_when_malformed_then_is_not_json(serve: Serve) -> None:
    client = serve(EmbeddedSettings(faults=Faults(malformed_rate=1.0)))
    response = client.post("/v1/chat/completions", json=BODY)
    assert response.status_code == 200
    with pytest.raises(ValueError, match="Expecting"):
        response.json()


def test_latency_when_set_then_is_waited_for(serve: Serve) -> None:
    slow = EmbeddedSettings(latency={"embedded/reader": Latency(median_s=0.15, sigma=0.0)})
    client = serve(slow)
    begin = time.perf_counter()
    assert client.post("/v1/chat/completions", json=BODY).status_code == 200
    assert time.perf_counter() - begin >= 0.15
