"""What every embedded model owes: no files, no raising, the same reply for the same request."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ray_promptopt.llm.embedded as package
from ray_promptopt.llm.embedded import EMBEDDED_MODELS, UnknownModelError, complete

ROOM = Path(package.__file__).parent
FORBIDDEN_MODULES = {"os", "pathlib", "io", "csv", "sqlite3", "sqlalchemy", "importlib", "tempfile"}

contents = st.one_of(
    st.none(),
    st.text(max_size=400),
    st.integers(),
    st.lists(st.dictionaries(st.sampled_from(["type", "text"]), st.text(max_size=30)), max_size=3),
    st.text(alphabet="`#*<>/{}[]\"':;,.?-_|\n\\ aAbB019Query:Intent:ExampleFeedback", max_size=300),
)
messages = st.lists(
    st.dictionaries(st.sampled_from(["role", "content", "name"]), contents, max_size=3), max_size=5
)


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.stem)
def test_package_when_read_as_code_then_opens_no_file(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not FORBIDDEN_MODULES & {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN_MODULES
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "exec", "eval", "__import__"}


@settings(max_examples=150)
@given(model=st.sampled_from(EMBEDDED_MODELS), said=messages, temperature=st.floats(0, 2))
def test_complete_when_messages_are_anything_then_answers(
    model: str, said: list[dict[str, Any]], temperature: float
) -> None:
    body = {"model": model, "messages": said, "temperature": temperature, "seed": 1}
    reply = complete(body)
    assert isinstance(reply["choices"][0]["message"]["content"], str)
    assert reply["usage"]["total_tokens"] >= 1
    assert json.loads(json.dumps(complete(body))) == json.loads(json.dumps(reply))


@settings(max_examples=60)
@given(
    extras=st.dictionaries(
        st.sampled_from(["tools", "tool_choice", "response_format", "messages", "seed", "stream"]),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(
                        ["function", "name", "parameters", "properties", "type", "enum"]
                    ),
                    inner,
                    max_size=3,
                ),
            ),
            max_leaves=8,
        ),
    ),
    model=st.sampled_from(EMBEDDED_MODELS),
)
def test_complete_when_fields_are_malformed_then_answers(
    extras: dict[str, Any], model: str
) -> None:
    assert complete({"model": model, **extras})["object"] == "chat.completion"


@settings(max_examples=60)
@given(text=st.text(alphabet="`~ab \n{}#", max_size=120))
def test_writer_when_given_any_instruction_then_closes_its_fences(text: str) -> None:
    prompt = f"Write a better instruction than this.\n<instruction>\n{text}\n</instruction>"
    body = {"model": "embedded/writer", "messages": [{"role": "user", "content": prompt}]}
    lines = complete(body)["choices"][0]["message"]["content"].split("\n")
    assert set(lines[0]) == {"`"}
    assert lines[-1] == lines[0]
    assert lines[0] not in lines[1:-1]


@pytest.mark.parametrize("model", EMBEDDED_MODELS)
def test_usage_when_a_reply_is_given_then_is_filled_and_adds_up(model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "word " * 400}]}
    usage = complete(body)["usage"]
    assert 300 <= usage["prompt_tokens"] <= 700
    assert usage["completion_tokens"] >= 1
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_model_when_named_without_prefix_then_is_the_same() -> None:
    body = {"messages": [{"role": "user", "content": "hello"}]}
    assert complete({"model": "reader", **body}) == complete({"model": "embedded/reader", **body})


def test_model_when_unknown_then_the_error_names_those_there_are() -> None:
    with pytest.raises(UnknownModelError, match="embedded/reader-nano"):
        complete({"model": "gpt-4o-mini", "messages": []})
