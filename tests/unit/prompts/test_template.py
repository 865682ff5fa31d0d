import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.prompts.template import Template, names_in

TEXTS = st.text(alphabet=st.characters(blacklist_characters="{}\0"), max_size=40)


@pytest.mark.parametrize(
    ("pattern", "message", "values"),
    [
        ("Query: {q}", "Query: where is it?", {"q": "where is it?"}),
        ("{a} and {b}", "x and y and z", {"a": "x", "b": "y and z"}),
        ("{a}{b}", "xy", {"a": "", "b": "xy"}),
        ("same {a} {a}", "same x x", {"a": "x"}),
        ("same {a} {a}", "same x y", None),
        ("Query: {q}", "Frage: wo?", None),
        ("{q} end", "start end ", None),
        ("no wildcard", "no wildcard", {}),
        ("no wildcard", "no wildcard!", None),
        ('{"a": 1} {x}', '{"a": 1} y', {"x": "y"}),
        ("ab{x}ba", "aba", None),
    ],
)
def test_match_when_given_a_message_then_binds_or_refuses(
    pattern: str, message: str, values: dict[str, str] | None
) -> None:
    assert Template.declared(pattern).match(message) == values


def test_names_in_when_braces_are_json_then_only_identifiers_count() -> None:
    assert names_in('{"a": 1} {x} {1} { y } {x} {_z}') == ("x", "_z")


@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
def test_render_when_matched_then_gives_the_message_back(
    literals: list[str], data: st.DataObject
) -> None:
    values = {f"w{index}": data.draw(TEXTS) for index in range(len(literals) - 1)}
    pattern = literals[0] + "".join(
        f"{{w{index}}}{literal}" for index, literal in enumerate(literals[1:])
    )
    template = Template.declared(pattern)
    message = template.render(values)
    found = template.match(message)
    assert found is not None
    assert template.render(found) == message


def test_match_when_a_long_message_does_not_fit_then_ends_quickly() -> None:
    template = Template.declared("".join(f"a{{w{index}}}" for index in range(60)) + "b")
    assert template.match("a" * 20_000) is None
