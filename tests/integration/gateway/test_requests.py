"""What the gateway takes, what it passes on, and what it never shows."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest

from ray_promptopt.core.ids import new_run_id, new_trial_id
from ray_promptopt.gateway.app import GatewayApp
from ray_promptopt.taskapp.policy import chat_completions_url
from tests.fakes.interceptor import (
    BASELINE,
    CANDIDATE,
    KEYS,
    Interceptor,
    best_of,
    chat,
    intercepting,
)
from tests.fakes.providers import Answer, completed, openai_error

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def shapes(gateway: Interceptor) -> dict[str, str]:
    """Every way in which known apps and clients join the inference URL."""
    base, trial, cid = gateway.url, gateway.trial_id, gateway.correlation_id
    given = f"{base}/v1/{trial}?cid={cid}"
    return {
        "as given": chat_completions_url(given),
        "a second v1": f"{base}/v1/{trial}/v1/chat/completions?cid={cid}",
        "naive join": f"{given}/v1/chat/completions",
        "naive join without v1": f"{given}/chat/completions",
        "joined twice": f"{base}/v1/{trial}/chat/completions?cid={cid}/v1/chat/completions",
        "trial before v1": f"{base}/x/{trial}/v1/chat/completions?cid={cid}",
        "below a prefix": f"{base}/api/inference/v1/{trial}/chat/completions?cid={cid}",
        "below a prefix, a second v1": f"{base}/api/inference/v1/{trial}/v1/chat/completions"
        f"?cid={cid}",
        "cid in the path": f"{base}/v1/{trial}/{cid}/chat/completions",
        "cid in the path, v1 after it": f"{base}/v1/{trial}/{cid}/v1/chat/completions",
        "other parameters": f"{base}/v1/{trial}/chat/completions?a=1&cid={cid}&b=2",
        "a slash at the end": f"{base}/v1/{trial}/chat/completions/?cid={cid}",
        "escaped": f"{base}/v1/{trial}?cid={cid}%2Fv1%2Fchat%2Fcompletions",
    }


async def test_every_known_way_of_joining_the_url_reaches_the_trial_and_the_rollout() -> None:
    async with intercepting(completed()) as gateway:
        for shape, url in shapes(gateway).items():
            reply = await gateway.client.post(url, json=chat())
            assert reply.status_code == 200, shape
        assert len(await gateway.exchanges()) == len(shapes(gateway))
        sent = [request["messages"][0]["content"] for request in gateway.provider.requests]
    assert sent == [CANDIDATE] * len(sent)


async def test_a_plain_base_url_serves_the_trial_without_a_record() -> None:
    async with intercepting(completed()) as gateway:
        base_url = f"{gateway.url}/v1/{gateway.trial_id}"
        client = httpx.AsyncClient(base_url=base_url)
        async with client:
            assert (await client.post("chat/completions", json=chat())).status_code == 200
        assert await gateway.exchanges() == ()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/{trial}/chat/completions", 405, "method_not_allowed"),
        ("GET", "/v1/{trial}/responses", 405, "method_not_allowed"),
        ("GET", "/v1/{trial}/responses/resp_1", 404, "not_found"),
        ("DELETE", "/v1/{trial}/responses/resp_1", 404, "not_found"),
        ("GET", "/v1/{trial}/chat/completions/chatcmpl-1", 404, "not_found"),
        ("POST", "/v1/{trial}/models", 405, "method_not_allowed"),
        ("GET", "/v1/{unknown}/models", 404, "unknown_trial"),
        ("POST", "/v1/{trial}/completions", 404, "not_found"),
        ("POST", "/v1/chat/completions", 404, "not_found"),
        ("POST", "/v1/trial-short/chat/completions", 404, "not_found"),
        ("POST", "/v1/{trial}0/chat/completions", 404, "not_found"),
        ("GET", "/v1/models", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("POST", "/v1/{unknown}/chat/completions", 404, "unknown_trial"),
        ("POST", "/v1/{unknown_run}/chat/completions", 404, "unknown_trial"),
    ],
)
async def test_any_other_request_is_refused_in_openais_shape(
    method: str, path: str, status: int, code: str
) -> None:
    async with intercepting(completed()) as gateway:
        url = path.format(trial=gateway.trial_id, unknown=new_trial_id(), unknown_run=new_run_id())
        reply = await gateway.client.request(method, gateway.url + url, content=b"{}")
        assert reply.status_code == status
        assert reply.headers["content-type"] == "application/json"
        error = reply.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["code"] == code
        assert gateway.provider.requests == []


def messages(*contents: Any) -> bytes:
    listed = [{"role": "user", "content": content} for content in contents]
    return json.dumps({"messages": listed}).encode()


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "no JSON"),
        (b"not json", 400, "no JSON"),
        (b"\xff\xfe{", 400, "no JSON"),
        (b"[" * 100_000, 400, "no JSON"),
        (b"[1]", 400, "JSON object"),
        (b'{"messages": [], "tools": ' + b"[" * 101 + b"]" * 101 + b"}", 400, "100 deep"),
        (b"{}", 400, "messages"),
        (b'{"messages": []}', 400, "messages"),
        (b'{"messages": "hello"}', 400, "messages"),
        (b'{"messages": ["hello"]}', 400, "messages[0] needs a role"),
        (b'{"messages": [{"content": "x"}]}', 400, "messages[0] needs a role"),
        (messages(*["x"] * 1001), 400, "at most 1000 messages"),
        (messages("an instruction that is not the baseline's"), 422, "message 0 (system)"),
        (messages(None), 422, "message 0 (system)"),
        (b'{"messages": "' + b"x" * (8 * 1024 * 1024) + b'"}', 413, "larger than"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_body_that_cannot_be_used_is_refused_in_words_and_nothing_is_sent(
    body: bytes, status: int, words: str
) -> None:
    async with intercepting(completed()) as gateway:
        url = f"{gateway.url}/v1/{gateway.trial_id}/chat/completions?cid={gateway.correlation_id}"
        reply = await gateway.client.post(url, content=body)
        assert reply.status_code == status
        assert words in reply.json()["error"]["message"]
        assert gateway.provider.requests == []
        recorded = await gateway.exchanges()
    if status != 413:
        assert words in str(recorded[0].failure)


async def test_an_unknown_trial_is_recorded_as_a_failed_call_of_its_rollout() -> None:
    async with intercepting(completed()) as gateway:
        url = f"{gateway.url}/v1/{new_trial_id()}/chat/completions?cid={gateway.correlation_id}"
        await gateway.client.post(url, json=chat())
        (exchange,) = await gateway.exchanges()
    assert exchange.failure_code == "unknown_trial"


async def test_a_baseline_trial_is_forwarded_unchanged_and_recorded() -> None:
    async with intercepting(completed(), candidate=None) as gateway:
        body = chat(temperature=0.3, tools=TOOLS)
        await gateway.post(body)
        (exchange,) = await gateway.exchanges()
        assert gateway.provider.requests == [{**body, "model": "gpt-4o-mini"}]
    assert [message.content for message in exchange.messages] == [BASELINE, "Where is my parcel?"]


async def test_tools_content_parts_and_unknown_fields_pass_through() -> None:
    fields: dict[str, Any] = {
        "tools": TOOLS,
        "tool_choice": "required",
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
        "metadata": {"a": [1, None, True]},
        "a_field_of_next_year": {"deep": [{"er": "ü\U0001f600"}]},
        "temperature": 0.1,
        "seed": 7,
    }
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    async with intercepting(completed()) as gateway:
        body = chat(**fields)
        body["messages"][0]["content"] = [
            {"type": "text", "text": BASELINE, "cache_control": {"type": "ephemeral"}}
        ]
        body["messages"][1]["content"] = [{"type": "text", "text": "Where is it?"}, image]
        await gateway.post(body)
        sent = gateway.provider.requests[0]
    assert {name: sent[name] for name in fields} == fields
    assert sent["messages"][0]["content"] == [
        {"type": "text", "text": CANDIDATE, "cache_control": {"type": "ephemeral"}}
    ]
    assert sent["messages"][1] == body["messages"][1]


async def test_half_a_character_in_request_or_answer_breaks_nothing() -> None:
    half = completed().body
    half["choices"][0]["message"]["content"] = "cut \ud83d off"
    async with intercepting(Answer(200, half)) as gateway:
        raw = json.dumps(chat("also \ud83d cut")).encode()
        url = f"{gateway.url}/v1/{gateway.trial_id}/chat/completions?cid={gateway.correlation_id}"
        reply = await gateway.client.post(url, content=raw)
        assert reply.status_code == 200
        assert b"cut \\ud83d off" in reply.content
        (exchange,) = await gateway.exchanges()
    assert exchange.reply == "cut ? off"
    assert exchange.messages[1].content == "also ? cut"


@pytest.mark.parametrize(
    "calls", [[None], ["f"], [{"function": "f"}], [{"function": None}], "f", {"a": 1}]
)
async def test_tool_calls_of_an_odd_shape_are_relayed_and_the_call_is_closed(calls: Any) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    async with intercepting(completed(choices=[{"index": 0, "message": message}])) as gateway:
        reply = await gateway.post()
        assert reply.json()["choices"][0]["message"] == message
        (exchange,) = await gateway.exchanges()
    assert exchange.failure is None


async def test_the_run_id_serves_the_best_prompt_and_follows_it() -> None:
    async with intercepting(completed()) as gateway:
        run_id = new_run_id()
        gateway.state.plain.serve_best(best_of(gateway.binding, run_id))
        gateway.state.plain.revoke_run(run_id)
        url = f"{gateway.url}/v1/{run_id}/chat/completions"
        assert (await gateway.client.post(url, json=chat())).status_code == 200
        sent = gateway.provider.requests[0]["messages"][0]["content"]
    assert sent == CANDIDATE


async def test_a_revoked_trial_id_is_unknown_to_a_replica_that_did_not_know_it() -> None:
    async with intercepting(completed()) as gateway:
        gateway.state.plain.revoke_run(gateway.binding.run_id)
        assert (await gateway.post()).json()["error"]["code"] == "unknown_trial"


class BrokenState:
    """A state that is lost: it answers no question."""

    async def resolve(self, reference: str) -> None:
        raise ConnectionError(CANDIDATE)

    async def record(self, home: str, events: Any) -> None:
        return None


async def test_a_lost_state_is_an_error_without_its_words() -> None:
    app = GatewayApp(BrokenState())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        url = f"http://gateway/v1/{new_trial_id()}/chat/completions"
        reply = await client.post(url, json=chat())
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "gateway_error"
    assert "Zebra" not in reply.text


async def test_a_call_whose_caller_hangs_up_is_finished_and_its_bill_is_known() -> None:
    async with intercepting(openai_error(503, None, "busy", retry_after="0"), completed()) as gate:
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": f"/v1/{gate.trial_id}/chat/completions",
            "query_string": f"cid={gate.correlation_id}".encode(),
        }
        taken = asyncio.Event()

        async def receive() -> dict[str, Any]:
            taken.set()
            return {"type": "http.request", "body": json.dumps(chat()).encode()}

        async def send(message: Any) -> None:
            raise AssertionError("the caller is gone")

        request = asyncio.create_task(gate.app(scope, receive, send))
        await taken.wait()
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await gate.app.aclose()
        (exchange,) = await gate.exchanges()
    assert exchange.failure is None
    assert exchange.spend.usage.total_tokens == 110


LEAKY = f"your prompt was: {CANDIDATE}"


@pytest.mark.parametrize(
    "answer",
    [
        completed(echo=LEAKY, prompt_logprobs=[LEAKY], instructions=LEAKY, messages=[LEAKY]),
        openai_error(400, "context_length_exceeded", LEAKY),
        openai_error(400, LEAKY, LEAKY),
        openai_error(401, None, LEAKY),
        openai_error(429, "insufficient_quota", LEAKY),
        openai_error(404, None, LEAKY),
        Answer(400, LEAKY),
        Answer(200, LEAKY),
        Answer(400, {"error": LEAKY}),
        Answer(400, [{"error": {"message": LEAKY, "code": LEAKY, "type": LEAKY}}]),
        Answer(400, {"error": {"message": "m", "failed_generation": LEAKY, "param": LEAKY}}),
        Answer(302, LEAKY, {"location": "http://127.0.0.1/zebra-quagmire", "x-echo": "Zebra"}),
    ],
)
async def test_no_reply_no_record_and_no_log_line_shows_a_word_of_candidate_or_key(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with intercepting(answer) as gateway:
        replies = [
            await gateway.post(headers={"Authorization": "Bearer callers-own-secret"}),
            await gateway.post({"messages": [{"role": "system", "content": "other"}]}),
        ]
        recorded = await gateway.exchanges()
        bearers = [headers["authorization"] for headers in gateway.provider.headers]
    shown = [reply.text + str(reply.headers) for reply in replies]
    gateway_lines = [line.message for line in caplog.records if "aiohttp" not in line.name]
    for text in [*shown, repr(recorded), *gateway_lines]:
        for secret in ("Zebra", "quagmire", "callers-own-secret", *KEYS.values()):
            assert secret.lower() not in text.lower()
    assert set(bearers) == {"Bearer sk-openai-secret"}


async def test_calls_of_one_rollout_are_recorded_in_the_order_they_came() -> None:
    async with intercepting(completed("one"), completed("two"), completed("three")) as gateway:
        for _ in range(3):
            await gateway.post()
        assert [exchange.reply for exchange in await gateway.exchanges()] == ["one", "two", "three"]
        assert gateway.state.resolved == [gateway.trial_id]
        ledger = gateway.state.ledger
        assert (await ledger.barrier(ledger.expect())).exchanges == ()
