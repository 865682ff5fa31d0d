"""Sections and texts to replace, at the gateway: both APIs, content parts, many messages."""

from dataclasses import replace
from typing import Any

import pytest

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.forms import Passage, formed
from ray_promptopt.prompts.learning import LearnedBaseline, PromptForm, learn_stage
from tests.fakes.interceptor import Interceptor, intercepting
from tests.fakes.providers import completed
from tests.fakes.responses import responded

ROLE = "You sort the mail of a shop."
RULES = "Rules: one label, nothing else."
FRAME = "The customer wrote: "
PASSAGES = {
    PromptForm.TEMPLATE: [
        Passage("role", ROLE), Passage("rules", RULES), Passage("frame", FRAME + "{mail}", "user")
    ],
    PromptForm.TRANSFORMATION: [
        Passage("role", ROLE), Passage("rules", RULES), Passage("frame", FRAME + "{mail}", "user")
    ],
}  # fmt: skip
CANDIDATE = Candidate.of({"role": "Zebra one.", "rules": "Zebra two.", "frame": "Mail: {mail}!"})


def observed(mail: str) -> list[ChatMessage]:
    return [
        ChatMessage("system", f"{ROLE}\nThe shop is open on {mail[:3]}days."),
        ChatMessage("developer", "Be quick."),
        ChatMessage("system", RULES),
        ChatMessage("user", f"{FRAME}{mail}"),
    ]


def chat(mail: str = "Where is it?") -> list[dict[str, Any]]:
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    first, second, third, last = (message.content for message in observed(mail))
    return [
        {"role": "system", "content": [{"type": "text", "text": first[:30]},
                                       {"type": "text", "text": first[30:]}]},
        {"role": "developer", "content": second},
        {"role": "system", "content": third},
        {"role": "user", "content": [image, {"type": "text", "text": last}], "name": "ann"},
    ]  # fmt: skip


def bind(gateway: Interceptor, form: PromptForm) -> None:
    calls = [observed(mail) for mail in ("Where is it?", "Money back!", "Late again")]
    stage, _ = learn_stage("main", calls)
    baseline = LearnedBaseline((formed(stage, calls, form, PASSAGES[form]),), (), form)
    gateway.binding = replace(gateway.binding, baseline=baseline, candidate=CANDIDATE)
    gateway.state.plain.register(gateway.binding)


@pytest.mark.parametrize("form", PASSAGES)
async def test_every_section_is_replaced_in_its_message_and_all_else_is_kept(
    form: PromptForm,
) -> None:
    async with intercepting(completed()) as gateway:
        bind(gateway, form)
        reply = await gateway.post({"messages": chat(), "top_p": 0.5})
        (sent,) = gateway.provider.requests
        (exchange,) = await gateway.exchanges()
    first, second, third, last = sent["messages"]
    assert first["content"] == [
        {"type": "text", "text": "Zebra one.\nThe shop is open on Whedays."}
    ]
    assert (second["content"], third["content"]) == ("Be quick.", "Zebra two.")
    assert last["content"] == [
        chat()[3]["content"][0], {"type": "text", "text": "Mail: Where is it?!"}
    ]  # fmt: skip
    assert (last["name"], sent["top_p"]) == ("ann", 0.5)
    assert "Zebra" not in reply.text
    assert [message.content for message in exchange.messages] == [
        message.content for message in observed("Where is it?")
    ]


@pytest.mark.parametrize("form", PASSAGES)
async def test_the_responses_api_is_treated_alike_and_its_echo_is_the_callers(
    form: PromptForm,
) -> None:
    first, *others = chat()
    instructions = "".join(part["text"] for part in first["content"])
    others[2] = {"role": "user", "content": [{"type": "input_text", "text": f"{FRAME}Late?"}]}
    async with intercepting(responded(echo="Zebra one.")) as gateway:
        bind(gateway, form)
        url = f"{gateway.url}/v1/{gateway.trial_id}/responses"
        body = {"instructions": instructions, "input": others}
        reply = await gateway.client.post(url, json=body)
        (sent,) = gateway.provider.requests
    assert sent["instructions"] == "Zebra one.\nThe shop is open on Whedays."
    assert [item["content"] for item in sent["input"]] == [
        "Be quick.", "Zebra two.", [{"type": "input_text", "text": "Mail: Late?!"}]
    ]  # fmt: skip
    assert reply.json()["instructions"] == instructions


@pytest.mark.parametrize("form", PASSAGES)
@pytest.mark.parametrize(
    ("place", "names"), [(0, "role"), (2, "rules"), (3, "frame")], ids=["role", "rules", "frame"]
)
async def test_a_call_without_one_of_the_sections_is_refused_and_nothing_is_sent(
    form: PromptForm, place: int, names: str
) -> None:
    messages = chat()
    messages[place] = {**messages[place], "content": "Something else."}
    async with intercepting(completed()) as gateway:
        bind(gateway, form)
        reply = await gateway.post({"messages": messages})
        (exchange,) = await gateway.exchanges()
        assert gateway.provider.requests == []
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (422, "substitution_failed")
    assert (names if form is PromptForm.TRANSFORMATION else f"message {place}") in error["message"]
    assert "Zebra" not in reply.text
    assert exchange.failure_code == "substitution_failed"


async def test_a_transformation_finds_its_texts_in_a_call_of_another_shape() -> None:
    messages = [{"role": "system", "content": "New."}, *chat(), {"role": "user", "content": "Hm."}]
    async with intercepting(completed()) as gateway:
        bind(gateway, PromptForm.TRANSFORMATION)
        await gateway.post({"messages": messages})
        (sent,) = gateway.provider.requests
    assert sent["messages"][0] == messages[0]
    assert sent["messages"][3]["content"] == "Zebra two."
    assert sent["messages"][5] == messages[5]
