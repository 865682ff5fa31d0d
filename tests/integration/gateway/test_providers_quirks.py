"""The gateway over HTTP against the providers' dialects, errors and quirks."""

from typing import Any

import pytest

from ray_promptopt.core.usage import UsageSource
from tests.fakes.interceptor import CANDIDATE, chat, intercepting
from tests.fakes.loopback import free_port
from tests.fakes.providers import (
    Answer,
    completed,
    google_error,
    google_quota,
    openai_error,
)

OVERLOADED = openai_error(503, None, "The engine is overloaded")


@pytest.mark.parametrize(
    ("provider", "key", "api_name"),
    [
        ("openai", "Bearer sk-openai-secret", "gpt-4o-mini"),
        ("groq", "Bearer gsk-groq-secret", "openai/gpt-oss-20b"),
        ("google", "Bearer google-secret", "gemini-2.5-flash"),
        ("openai_compatible", None, "local-model"),
    ],
)
async def test_a_call_reaches_the_provider_with_its_key_its_model_name_and_the_candidate(
    provider: str, key: str | None, api_name: str
) -> None:
    async with intercepting(completed(), provider=provider) as gateway:
        answer = await gateway.post(headers={"Authorization": "Bearer of-the-task-app"})
        assert answer.status_code == 200
        assert answer.json()["choices"][0]["message"]["content"] == "an answer"
        assert gateway.provider.paths == ["/v1/chat/completions"]
        sent = gateway.provider.requests[0]
        assert sent["model"] == api_name
        assert [message["content"] for message in sent["messages"]] == [
            CANDIDATE,
            "Where is my parcel?",
        ]
        assert gateway.provider.headers[0].get("authorization") == key
        (exchange,) = await gateway.exchanges()
    assert exchange.failure is None
    assert exchange.spend.usage.total_tokens == 110


@pytest.mark.parametrize(
    ("provider", "answer", "status", "code", "fatal", "candidate_fault"),
    [
        ("openai", openai_error(401, "invalid_api_key", "Incorrect API key provided: sk-…"), 401,
         "invalid_api_key", True, False),
        ("openai", openai_error(429, "insufficient_quota", "You exceeded your current quota"), 429,
         "insufficient_quota", True, False),
        ("openai", openai_error(404, "model_not_found", "The model `x` does not exist"), 404,
         "model_not_found", True, False),
        ("openai", openai_error(403, "model_not_found", "Project has no access to model"), 403,
         "model_not_found", True, False),
        ("openai", openai_error(400, "context_length_exceeded", "maximum context length is 8"), 400,
         "context_length_exceeded", False, True),
        ("openai", openai_error(400, "string_above_max_length", "Invalid 'messages'"), 400,
         "context_length_exceeded", False, True),
        ("openai", openai_error(400, None, "'messages' must contain the word 'json' in some form"),
         400, "json_word_missing", False, True),
        ("openai", openai_error(400, "invalid_function_parameters", "Invalid schema"), 400,
         "invalid_function_parameters", False, False),
        ("groq", openai_error(400, "model_decommissioned", "The model has been decommissioned"),
         400, "model_decommissioned", True, False),
        ("groq", openai_error(400, "organization_restricted", "Organization restricted"), 400,
         "organization_restricted", True, False),
        ("groq", openai_error(400, "json_validate_failed", "Failed to generate JSON"), 400,
         "json_validate_failed", False, True),
        ("groq", openai_error(400, "tool_use_failed", "Failed to call a function"), 400,
         "tool_use_failed", False, True),
        ("groq", openai_error(413, None, "Please reduce the length of the messages"), 413,
         "context_length_exceeded", False, True),
        ("google", google_error(400, "INVALID_ARGUMENT", "API key not valid. Please pass one."),
         400, "invalid_api_key", True, False),
        ("google", google_error(404, "NOT_FOUND", "models/x is not found for API version"), 404,
         "model_not_found", True, False),
        ("google", google_error(400, "INVALID_ARGUMENT", "exceeds the maximum number of tokens"),
         400, "context_length_exceeded", False, True),
        ("google", google_error(400, "INVALID_ARGUMENT", "Invalid JSON payload: Unknown name"), 400,
         "upstream_error", False, False),
        ("google", google_quota("PerDay", "40000s"), 429, "insufficient_quota", True, False),
        ("openai_compatible", Answer(400, {"object": "error", "code": 400, "message":
         "This model's maximum context length is 4096 tokens."}), 400,
         "context_length_exceeded", False, True),
        ("openai_compatible", Answer(404, {"detail": "Not Found"}), 404, "model_not_found", True,
         False),
        ("openai_compatible", Answer(400, {"error": "model requires more system memory"}), 400,
         "upstream_error", False, False),
        ("openai_compatible", Answer(402, "<h1>Payment Required</h1>"), 402, "insufficient_quota",
         True, False),
        ("openai_compatible", Answer(302, "", {"location": "http://127.0.0.1:1/"}), 502,
         "upstream_error", False, False),
    ],
)  # fmt: skip
async def test_an_error_that_retrying_cannot_mend_is_typed_and_not_retried(
    provider: str, answer: Answer, status: int, code: str, fatal: bool, candidate_fault: bool
) -> None:
    async with intercepting(answer, provider=provider) as gateway:
        reply = await gateway.post()
        assert reply.status_code == status
        error = reply.json()["error"]
        assert (error["code"], error["type"]) == (code, "upstream_error")
        assert gateway.binding.upstream.model in error["message"]
        assert reply.headers["x-should-retry"] == "false"
        assert len(gateway.provider.requests) == 1
        (exchange,) = await gateway.exchanges()
    assert (exchange.failure_code, exchange.fatal) == (code, fatal)
    assert exchange.candidate_fault is candidate_fault
    assert exchange.failure == error["message"]


@pytest.mark.parametrize(
    ("provider", "answer"),
    [
        ("openai", openai_error(429, "rate_limit_exceeded", "Rate limit", retry_after_ms="1")),
        ("openai", openai_error(429, None, "Rate limit reached per minute", retry_after="0")),
        ("openai", openai_error(429, None, "Rate limit",
                                retry_after="Wed, 21 Oct 2015 07:28:00 GMT")),
        ("openai", openai_error(429, None, "Rate limit", x_ratelimit_remaining_tokens="0",
                                x_ratelimit_reset_tokens="1ms")),
        ("openai", openai_error(500, None, "The server had an error",
                                x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="9h")),
        ("openai", openai_error(408, None, "timeout")),
        ("openai", openai_error(409, None, "conflict")),
        ("openai", Answer(502, "<html>Bad gateway</html>")),
        ("openai", Answer(200, "<html>Sign in</html>")),
        ("openai", Answer(200, {"choices": []})),
        ("openai", Answer(200, [1, 2])),
        ("openai", Answer(200, '{"choices": [{"message"')),
        ("groq", openai_error(498, None, "Flex tier capacity exceeded")),
        ("groq", openai_error(503, None, "Service unavailable")),
        ("google", google_quota("PerMinute", "0.01s")),
        ("google", google_error(503, "UNAVAILABLE", "The model is overloaded.")),
    ],
)  # fmt: skip
async def test_a_passing_trouble_is_retried_by_the_gateway_and_the_caller_sees_the_answer(
    provider: str, answer: Answer
) -> None:
    async with intercepting(answer, answer, completed(), provider=provider) as gateway:
        assert (await gateway.post()).status_code == 200
        assert len(gateway.provider.requests) == 3
        (exchange,) = await gateway.exchanges()
    assert exchange.failure is None
    assert exchange.spend.calls == 1


@pytest.mark.parametrize(
    ("answer", "status", "code", "attempts"),
    [
        (openai_error(500, None, "oops"), 500, "upstream_error", 5),
        (openai_error(429, None, "Rate limit"), 429, "rate_limit_exceeded", 5),
        (Answer(200, "garbage"), 502, "malformed_reply", 5),
        (openai_error(429, None, "Rate limit", retry_after="3600"), 429, "rate_limit_exceeded", 1),
        (openai_error(429, None, "Rate limit", retry_after="11"), 429, "rate_limit_exceeded", 1),
    ],
)
async def test_a_trouble_that_does_not_pass_is_answered_after_the_last_attempt(
    answer: Answer, status: int, code: str, attempts: int
) -> None:
    async with intercepting(answer) as gateway:
        reply = await gateway.post()
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
        assert reply.headers["x-should-retry"] == "false"
        assert len(gateway.provider.requests) == attempts
        (exchange,) = await gateway.exchanges()
    assert not exchange.fatal
    assert not exchange.candidate_fault
    asked = answer.headers.get("retry-after")
    assert reply.headers.get("retry-after") == asked
    assert exchange.retry_after_s == (None if asked is None else float(asked))


async def test_a_provider_that_stalls_is_given_up_when_the_calls_time_is_over() -> None:
    async with intercepting(Answer(200, "", hangs=True), timeout_s=0.3) as gateway:
        reply = await gateway.post()
        assert reply.status_code == 504
        assert reply.json()["error"]["code"] == "timeout"
        assert "0.3 s" in reply.json()["error"]["message"]
        assert len(gateway.provider.requests) == 1


async def test_a_provider_that_is_not_there_is_an_error_in_words() -> None:
    async with intercepting(completed()) as gateway:
        nowhere = f"http://127.0.0.1:{free_port()}"
        object.__setattr__(gateway.binding.upstream, "base_url", nowhere)
        reply = await gateway.post()
    assert reply.status_code == 502
    assert reply.json()["error"]["code"] == "connection_error"
    assert "cannot be reached" in reply.json()["error"]["message"]


async def test_a_missing_key_is_fatal_and_names_the_variable_and_nothing_is_sent() -> None:
    async with intercepting(completed(), environ={}) as gateway:
        reply = await gateway.post()
        assert reply.status_code == 401
        assert "OPENAI_API_KEY" in reply.json()["error"]["message"]
        assert gateway.provider.requests == []
        (exchange,) = await gateway.exchanges()
    assert exchange.fatal


@pytest.mark.parametrize(
    ("provider", "fields", "prompt", "completion", "cached"),
    [
        ("openai", {"usage": {"prompt_tokens": 9, "completion_tokens": 2,
         "prompt_tokens_details": {"cached_tokens": 4}}}, 9, 2, 4),
        ("openai", {"usage": {"prompt_tokens": 9, "completion_tokens": 2,
         "prompt_tokens_details": {"cached_tokens": 400}}}, 9, 2, 9),
        ("groq", {"usage": None, "x_groq": {"id": "req", "usage": {"prompt_tokens": 7,
         "completion_tokens": 3}}}, 7, 3, 0),
        ("google", {"usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115}},
         10, 105, 0),
        ("google", {"usage": {"prompt_tokens": 10, "completion_tokens": 105, "total_tokens": 0}},
         10, 105, 0),
    ],
)  # fmt: skip
async def test_usage_is_what_the_provider_bills(
    provider: str, fields: dict[str, Any], prompt: int, completion: int, cached: int
) -> None:
    async with intercepting(completed(**fields), provider=provider) as gateway:
        await gateway.post()
        (exchange,) = await gateway.exchanges()
    usage = exchange.spend.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (
        prompt,
        completion,
        cached,
    )
    assert usage.source is UsageSource.PROVIDER


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "many",
        [1],
        {"prompt_tokens": None},
        {"prompt_tokens": "nine", "completion_tokens": 1},
        {"prompt_tokens": -5, "completion_tokens": 1},
        {"prompt_tokens": float("inf"), "completion_tokens": 1},
        {"prompt_tokens": 5, "completion_tokens": {"a": 1}},
    ],
)
async def test_usage_that_is_none_is_estimated_and_marked(usage: Any) -> None:
    async with intercepting(completed(usage=usage)) as gateway:
        assert (await gateway.post()).status_code == 200
        (exchange,) = await gateway.exchanges()
    assert exchange.spend.usage.source is UsageSource.ESTIMATED
    assert exchange.spend.usage.prompt_tokens > 5
    assert exchange.spend.cost_usd > 0


async def test_the_price_is_that_of_the_model_that_answered_and_an_unknown_one_is_counted() -> None:
    async with intercepting(completed(), completed(model="gpt-99-next")) as gateway:
        await gateway.post()
        await gateway.post()
        known, unknown = await gateway.exchanges()
    assert known.model == "gpt-4o-mini-2024-07-18"
    assert known.spend.cost_usd == pytest.approx((100 * 0.15 + 10 * 0.60) / 1e6)
    assert (unknown.spend.cost_usd, unknown.spend.unpriced_calls) == (0.0, 1)
    assert unknown.spend.usage.total_tokens == 110


@pytest.mark.parametrize(
    ("provider", "model", "fields", "sent", "gone"),
    [
        ("openai", "gpt-5-mini", {"max_tokens": 64, "temperature": 0.7, "top_p": 0.5},
         {"max_completion_tokens": 64}, {"max_tokens", "temperature", "top_p"}),
        ("openai", "gpt-4o-mini", {"max_tokens": 64, "temperature": 0.7},
         {"max_tokens": 64, "temperature": 0.7}, set()),
        ("openai_compatible", "openai/gpt-5", {"max_tokens": 64, "presence_penalty": 1},
         {"max_completion_tokens": 64}, {"max_tokens", "presence_penalty"}),
        ("openai_compatible", None, {"max_tokens": 64, "temperature": 0.7},
         {"max_tokens": 64, "temperature": 0.7}, set()),
        ("openai", None, {"store": True, "metadata": {"a": "b"}},
         {"store": False, "metadata": {"a": "b"}}, set()),
        ("groq", None, {"logprobs": True, "temperature": 0.0}, {"temperature": 0.0}, {"logprobs"}),
        ("google", None, {"user": "u", "temperature": 0.0}, {"temperature": 0.0}, {"user"}),
    ],
)  # fmt: skip
async def test_what_a_model_would_refuse_is_mapped_or_dropped_and_noted_on_the_trace(
    provider: str, model: str | None, fields: dict[str, Any], sent: dict[str, Any], gone: set[str]
) -> None:
    async with intercepting(completed(), provider=provider, model=model) as gateway:
        assert (await gateway.post(chat(**fields))).status_code == 200
        request = gateway.provider.requests[0]
        (exchange,) = await gateway.exchanges()
    assert {name: request[name] for name in sent} == sent
    assert not gone & set(request)
    assert all(any(name in note for note in exchange.notes) for name in gone)
    assert bool(exchange.notes) == bool(gone or "store" in fields)


async def test_groq_gets_no_names_in_messages_and_refuses_several_choices() -> None:
    async with intercepting(completed(), provider="groq") as gateway:
        body = chat()
        body["messages"][1]["name"] = "ann"
        assert (await gateway.post(body)).status_code == 200
        assert "name" not in gateway.provider.requests[0]["messages"][1]
        reply = await gateway.post(chat(n=2))
        assert reply.status_code == 400
        assert "n = 2" in reply.json()["error"]["message"]
        assert len(gateway.provider.requests) == 1


async def test_a_google_tool_call_keeps_its_thought_signature_both_ways() -> None:
    signed = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"},
              "extra_content": {"google": {"thought_signature": "sig"}}}  # fmt: skip
    message = {"role": "assistant", "content": None, "tool_calls": [signed]}
    answer = completed(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}])
    async with intercepting(answer, provider="google") as gateway:
        reply = await gateway.post()
        assert reply.json()["choices"][0]["message"]["tool_calls"] == [signed]
        body = chat()
        body["messages"] += [message, {"role": "tool", "tool_call_id": "c", "content": "ok"}]
        assert (await gateway.post(body)).status_code == 200
        assert gateway.provider.requests[1]["messages"][2]["tool_calls"] == [signed]
        first, _ = await gateway.exchanges()
    assert first.reply == "f({})"
