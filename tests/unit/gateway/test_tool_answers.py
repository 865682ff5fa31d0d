from typing import Any

import pytest

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.gateway.dialects.tool_answers import shown_answers

TOOLS: list[Any] = [{"type": "function", "function": {"name": "pick"}}, {"name": "look"}, "?", {}]


def calls_of(text: str, role: str = "assistant") -> list[tuple[str, str]]:
    (shown,) = shown_answers([ChatMessage(role, text)], TOOLS)
    return [(call.name, call.arguments) for call in shown.calls]


def test_calls_are_read_one_after_the_other_with_their_arguments_as_they_were() -> None:
    text = 'pick({"a": ")\\n(",\n "b": [1]})\nlook({})'
    assert calls_of(text) == [("pick", '{"a": ")\\n(",\n "b": [1]}'), ("look", "{}")]


@pytest.mark.parametrize(
    "text",
    ["lost", "", "other({})", "pick({)", "pick({}", "pick({}) and so on", "pick(None)", "(pick)"],
)
def test_any_other_text_stays_text(text: str) -> None:
    assert calls_of(text) == []


def test_a_user_calls_no_tools_and_every_call_has_an_id_of_its_own() -> None:
    assert calls_of("pick({})", role="user") == []
    turns = [ChatMessage("assistant", "pick({})\nlook({})"), ChatMessage("assistant", "look({})")]
    shown = [call.id for turn in shown_answers(turns, TOOLS) for call in turn.calls]
    assert shown == ["demo00000", "demo00001", "demo00002"]
