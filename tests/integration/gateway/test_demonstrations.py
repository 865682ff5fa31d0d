"""A candidate's demonstrations reach the model as turns of the conversation, and nobody else."""

from typing import Any

import pytest

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import Demo
from tests.fakes.interceptor import BASELINE, CANDIDATE, chat, intercepting
from tests.fakes.providers import completed
from tests.fakes.responses import responded

DEMOS = (
    Demo("The parcel never came.", "lost"),
    Demo("It came twice.", 'pick({"label": "double"})'),
)
TOOL = {"name": "pick", "parameters": {"type": "object"}}
CHAT_TOOLS = [{"type": "function", "function": TOOL}]
QUESTION = {"role": "user", "content": "Where is my parcel?"}
SHOWN = [
    {"role": "user", "content": "The parcel never came."},
    {"role": "assistant", "content": "lost"},
    {"role": "user", "content": "It came twice."},
]


def showing(*demos: Demo) -> Candidate:
    return Candidate.of({"system": CANDIDATE}, {"main": demos})


async def test_demonstrations_stand_between_the_instructions_and_the_question() -> None:
    async with intercepting(completed(), candidate=showing(*DEMOS)) as gateway:
        await gateway.post()
        (sent,) = gateway.provider.requests
        (exchange,) = await gateway.exchanges()
    told = {"role": "assistant", "content": DEMOS[1].output}
    assert sent["messages"] == [{"role": "system", "content": CANDIDATE}, *SHOWN, told, QUESTION]
    assert [message.content for message in exchange.messages] == [BASELINE, QUESTION["content"]]


async def test_a_demonstration_that_called_a_tool_of_the_request_is_shown_as_the_call() -> None:
    async with intercepting(completed(), candidate=showing(*DEMOS)) as gateway:
        await gateway.post(chat(tools=CHAT_TOOLS))
        (sent,) = gateway.provider.requests
    call, result = sent["messages"][4:6]
    assert call == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "demo00000", "type": "function",
             "function": {"name": "pick", "arguments": '{"label": "double"}'}}
        ],
    }  # fmt: skip
    assert result == {"role": "tool", "tool_call_id": "demo00000", "content": "ok"}
    assert sent["messages"][:4] == [{"role": "system", "content": CANDIDATE}, *SHOWN]


@pytest.mark.parametrize(
    "given", ["Where is my parcel?", [QUESTION]], ids=["a string", "a list of items"]
)
async def test_the_responses_api_gets_the_same_as_items_of_its_input(given: Any) -> None:
    body = {"instructions": BASELINE, "input": given, "tools": [{"type": "function", **TOOL}]}
    async with intercepting(responded(), candidate=showing(*DEMOS)) as gateway:
        url = f"{gateway.url}/v1/{gateway.trial_id}/responses"
        await gateway.client.post(url, json=body)
        (sent,) = gateway.provider.requests
    assert sent["instructions"] == CANDIDATE
    assert sent["input"] == [
        *SHOWN,
        {"type": "function_call", "call_id": "demo00000", "name": "pick",
         "arguments": '{"label": "double"}'},
        {"type": "function_call_output", "call_id": "demo00000", "output": "ok"},
        QUESTION,
    ]  # fmt: skip


async def test_instructions_among_the_input_come_before_the_demonstrations() -> None:
    instructions = {"role": "system", "content": BASELINE}
    async with intercepting(responded(), candidate=showing(DEMOS[0])) as gateway:
        url = f"{gateway.url}/v1/{gateway.trial_id}/responses"
        await gateway.client.post(url, json={"input": [instructions, QUESTION]})
        (sent,) = gateway.provider.requests
    assert sent["input"] == [{**instructions, "content": CANDIDATE}, *SHOWN[:2], QUESTION]


async def test_a_call_that_is_not_the_baselines_gets_no_demonstrations_either() -> None:
    async with intercepting(completed(), candidate=showing(*DEMOS)) as gateway:
        reply = await gateway.post({"messages": [QUESTION]})
        assert gateway.provider.requests == []
    assert reply.status_code == 422
    assert "parcel never" not in reply.text


async def test_a_model_that_quotes_the_question_of_a_demonstration_is_noted() -> None:
    question = "Eight words or more that only the candidate can know of."
    candidate = showing(Demo(question, "x"))
    async with intercepting(completed(f"As in: {question}"), candidate=candidate) as gateway:
        await gateway.post()
        (exchange,) = await gateway.exchanges()
    assert any("quotes words of the candidate" in note for note in exchange.notes)
