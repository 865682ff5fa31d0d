"""Chunks add up to the completion that the call would have had without a stream."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.llm.embedded.completion import complete
from ray_promptopt.llm.embedded.server import stream_chunks
from ray_promptopt.llm.wire import CHAT

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "delta", "index", "tool_calls", "id", "function", "name",
                         "arguments", "content", "usage", "x_groq", "finish_reason"]),
        inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def assembled(*chunks: dict[str, Any]) -> dict[str, Any]:
    assembler = CHAT.assembler()
    for chunk in chunks:
        assembler.add(chunk)
    return assembler.body()


def delta(index: int = 0, end: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": end}]}


def call(index: int | None, arguments: str, **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    fragment = {**fields, "function": {"name": name, "arguments": arguments}}
    return delta(tool_calls=[fragment if index is None else {**fragment, "index": index}])


def test_an_embedded_models_stream_adds_up_to_its_own_whole_reply() -> None:
    label = {"type": "string", "enum": ["red", "blue"]}
    parameters = {"type": "object", "properties": {"label": label}}
    tool = {"type": "function", "function": {"name": "classify", "parameters": parameters}}
    body = {
        "model": "embedded/reader",
        "messages": [{"role": "user", "content": "Which colour has the sky, red or blue?"}],
    }
    for request in (body, {**body, "tools": [tool], "tool_choice": "required"}):
        whole = complete(request)
        joined = assembled(*stream_chunks(whole, include_usage=True))
        message = joined["choices"][0]["message"]
        assert message == whole["choices"][0]["message"]
        assert joined["usage"] == whole["usage"]
        assert joined["model"] == whole["model"]


def test_interleaved_tool_calls_are_joined_by_index() -> None:
    body = assembled(
        call(0, "", id="a", type="function", name="f"),
        call(1, "", id="b", type="function", name="g"),
        call(0, '{"x"'),
        call(1, "{}"),
        call(0, ": 1}"),
    )
    assert body["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_tool_calls_that_all_have_the_index_0_are_told_apart_by_their_ids() -> None:
    signature = {"google": {"thought_signature": "s"}}
    body = assembled(
        call(0, "{}", id="a", name="f", extra_content=signature),
        call(0, "{}", id="b", name="g"),
        call(None, "[]", id="c", name="h"),
    )
    calls = body["choices"][0]["message"]["tool_calls"]
    assert [one["id"] for one in calls] == ["a", "b", "c"]
    assert calls[0]["extra_content"] == signature


def test_several_choices_are_kept_apart_and_ended_one_by_one() -> None:
    assembler = CHAT.assembler()
    for event in (delta(1, content="b"), delta(0, content="a"), delta(1, content="B", end="stop")):
        assembler.add(event)
    assert not assembler.finished
    assembler.add(delta(0, end="length"))
    assert assembler.finished
    texts = [choice["message"]["content"] for choice in assembler.body()["choices"]]
    assert texts == ["a", "bB"]


def test_cumulative_usage_is_taken_from_the_last_chunk_that_has_one() -> None:
    body = assembled(
        {"usage": {"prompt_tokens": 9, "completion_tokens": 1}},
        {"usage": {"prompt_tokens": 9, "completion_tokens": 7}},
        {"usage": None, "x_groq": {"id": "r", "usage": {"prompt_tokens": 3}}},
        {"x_groq": {"id": "r"}},
    )
    assert body["usage"]["completion_tokens"] == 7
    assert body["x_groq"]["usage"] == {"prompt_tokens": 3}


@given(st.lists(st.dictionaries(st.sampled_from(["choices", "usage", "x_groq"]), JSON), max_size=4))
def test_chunks_of_any_shape_add_up_to_something_that_is_json(chunks: list[dict[str, Any]]) -> None:
    assert json.dumps(assembled(*chunks))
