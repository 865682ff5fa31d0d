"""The official client of the OpenAI API against the gateway, by its `base_url` alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.fakes.interceptor import BASELINE, CANDIDATE, Interceptor, intercepting
from tests.fakes.providers import Answer, Streamed, chunk, completed, openai_error, streamed
from tests.fakes.responses import responded, response_events

MESSAGES: Any = [
    {"role": "system", "content": BASELINE},
    {"role": "user", "content": "Where is my parcel?"},
]
TOOL: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@asynccontextmanager
async def client_of(gateway: Interceptor) -> AsyncIterator[openai.AsyncOpenAI]:
    base_url = f"{gateway.url}/v1/{gateway.trial_id}/{gateway.correlation_id}"
    async with openai.AsyncOpenAI(base_url=base_url, api_key="any") as client:
        yield client


async def test_the_synchronous_client_gets_a_completion() -> None:
    async with intercepting(completed()) as gateway:

        def call() -> Any:
            base_url = f"{gateway.url}/v1/{gateway.trial_id}"
            with openai.OpenAI(base_url=base_url, api_key="any") as client:
                return client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)

        completion = await asyncio.to_thread(call)
        sent = gateway.provider.requests[0]
    assert completion.choices[0].message.content == "an answer"
    assert completion.usage.total_tokens == 110
    assert sent["messages"][0]["content"] == CANDIDATE


async def test_several_choices_logprobs_and_fields_of_next_year_come_through() -> None:
    token = {"token": "an", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    logprobs = {"content": [token], "refusal": None}
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text, "next_year": 1},
         "logprobs": logprobs, "finish_reason": "stop"}
        for index, text in enumerate(("one", "two"))
    ]  # fmt: skip
    async with intercepting(completed(choices=choices)) as gateway, client_of(gateway) as client:
        completion = await client.chat.completions.create(
            model="m", messages=MESSAGES, n=2, logprobs=True, extra_body={"next_year": {"a": 1}}
        )
        sent = gateway.provider.requests[0]
    assert [choice.message.content for choice in completion.choices] == ["one", "two"]
    assert completion.choices[1].logprobs is not None
    assert completion.choices[1].logprobs.content is not None
    assert completion.choices[1].logprobs.content[0].logprob == -0.5
    assert completion.choices[0].message.model_extra == {"next_year": 1}
    assert (sent["n"], sent["logprobs"], sent["next_year"]) == (2, True, {"a": 1})


async def test_a_stream_is_read_chunk_by_chunk_with_usage_for_who_asks() -> None:
    answer = Streamed(streamed("It is ", "on its way"))
    async with intercepting(answer) as gateway, client_of(gateway) as client:
        options: Any
        for options, usage in ((None, 0), ({"include_usage": True}, 1)):
            stream: Any = await client.chat.completions.create(
                model="m", messages=MESSAGES, stream=True, stream_options=options
            )
            chunks = [one async for one in stream]
            text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
            assert text == "It is on its way"
            assert len([one for one in chunks if one.usage]) == usage


async def test_the_streaming_helper_joins_tool_calls() -> None:
    def part(arguments: str, **fields: Any) -> bytes:
        function = {"arguments": arguments, **fields.pop("function", {})}
        return chunk({"tool_calls": [{"index": 0, "function": function, **fields}]})

    pieces = [part("", id="c", type="function", function={"name": "f"}), part('{"a"'),
              part(": 1}"), chunk({}, end="tool_calls"), b"data: [DONE]\n\n"]  # fmt: skip
    async with intercepting(Streamed(pieces)) as gateway, client_of(gateway) as client:
        async with client.chat.completions.stream(
            model="m", messages=MESSAGES, tools=[TOOL]
        ) as stream:
            completion = await stream.get_final_completion()
        (exchange,) = await gateway.exchanges()
    calls = completion.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.arguments == '{"a": 1}'
    assert exchange.reply == 'f({"a": 1})'


class Label(BaseModel):
    label: str


async def test_structured_output_is_asked_for_and_parsed() -> None:
    answer = completed(json.dumps({"label": "lost_parcel"}))
    async with intercepting(answer) as gateway, client_of(gateway) as client:
        completion = await client.chat.completions.parse(
            model="m", messages=MESSAGES, response_format=Label
        )
        sent = gateway.provider.requests[0]
    assert completion.choices[0].message.parsed == Label(label="lost_parcel")
    assert sent["response_format"]["json_schema"]["schema"]["required"] == ["label"]


@pytest.mark.parametrize(
    ("answer", "raised", "attempts"),
    [
        (openai_error(400, "bad_thing", "no"), openai.BadRequestError, 1),
        (openai_error(401, "invalid_api_key", "no"), openai.AuthenticationError, 1),
        (openai_error(403, "forbidden", "no"), openai.PermissionDeniedError, 1),
        (openai_error(404, "model_not_found", "no"), openai.NotFoundError, 1),
        (openai_error(422, None, "no"), openai.UnprocessableEntityError, 1),
        (openai_error(429, "insufficient_quota", "no"), openai.RateLimitError, 1),
        (openai_error(429, None, "slow down"), openai.RateLimitError, 5),
        (openai_error(409, None, "conflict"), openai.ConflictError, 5),
        (openai_error(500, None, "oops"), openai.InternalServerError, 5),
    ],
)
async def test_errors_are_the_clients_own_classes_and_it_adds_no_retries(
    answer: Answer, raised: type[openai.APIStatusError], attempts: int
) -> None:
    async with intercepting(answer) as gateway, client_of(gateway) as client:
        with pytest.raises(raised) as caught:
            await client.chat.completions.create(model="m", messages=MESSAGES)
        assert len(gateway.provider.requests) == attempts
        (exchange,) = await gateway.exchanges()
    assert caught.value.code == exchange.failure_code
    assert str(exchange.failure) in caught.value.message


async def test_a_prompt_that_is_not_the_baselines_is_an_unprocessable_entity() -> None:
    async with intercepting(completed()) as gateway, client_of(gateway) as client:
        with pytest.raises(openai.UnprocessableEntityError, match="message 0"):
            await client.chat.completions.create(
                model="m", messages=[{"role": "system", "content": "another"}]
            )


async def raises_midway(stream: Callable[[], Any]) -> openai.APIError:
    with pytest.raises(openai.APIError) as caught:
        async for _ in await stream():
            pass
    return caught.value


async def test_a_stream_that_breaks_off_raises_in_the_client() -> None:
    broken = Streamed(streamed("It is ")[:2], then="break")
    async with intercepting(broken) as gateway, client_of(gateway) as client:
        error = await raises_midway(
            lambda: client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        )
    assert error.code == "connection_error"


async def test_a_streamed_response_that_breaks_off_raises_in_the_client() -> None:
    broken = Streamed(response_events("It is ")[:-1])
    async with intercepting(broken) as gateway, client_of(gateway) as client:
        error = await raises_midway(
            lambda: client.responses.create(
                model="m", instructions=BASELINE, input="Where?", stream=True
            )
        )
    assert error.code == "incomplete_stream"


async def test_responses_are_created_parsed_and_streamed() -> None:
    events = response_events("on ", "its way", echo=CANDIDATE)
    answers = (
        responded(echo=CANDIDATE), responded('{"label": "x"}'), Streamed(events),
    )  # fmt: skip
    async with intercepting(*answers) as gateway, client_of(gateway) as client:
        asked: Any = {"model": "m", "instructions": BASELINE, "input": "Where is it?"}
        created = await client.responses.create(**asked)
        parsed = await client.responses.parse(**asked, text_format=Label)
        async with client.responses.stream(**asked) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        sent = [request["instructions"] for request in gateway.provider.requests]
    assert (created.output_text, created.instructions) == ("an answer", BASELINE)
    assert parsed.output_parsed == Label(label="x")
    assert (final.output_text, final.instructions) == ("on its way", BASELINE)
    assert kinds[-1] == "response.completed"
    assert sent == [CANDIDATE] * 3


async def test_nothing_that_is_stored_can_be_fetched() -> None:
    async with intercepting(responded()) as gateway, client_of(gateway) as client:
        with pytest.raises(openai.NotFoundError, match="nothing is stored"):
            await client.responses.retrieve("resp_1")
        with pytest.raises(openai.NotFoundError, match="nothing is stored"):
            await client.chat.completions.retrieve("chatcmpl-1")
        assert gateway.provider.requests == []


async def test_models_lists_what_the_trial_is_served_by_and_nothing_secret() -> None:
    async with intercepting(completed(), provider="groq") as gateway, client_of(gateway) as client:
        listed = await client.models.list()
        one = await client.models.retrieve("openai/gpt-oss-20b")
        with pytest.raises(openai.NotFoundError, match="openai/gpt-oss-20b"):
            await client.models.retrieve("gpt-4o")
    (only,) = listed.data
    assert only == one
    assert set(only.model_dump(exclude_unset=True)) == {"id", "object", "created", "owned_by"}
    assert (only.id, only.owned_by) == ("openai/gpt-oss-20b", "groq")
