import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.common import learn_template
from ray_promptopt.prompts.learning import DeclaredMessage, LearnedBaseline, learn_baseline
from ray_promptopt.prompts.substitution import data_of, plan_substitution

INSTRUCTION = "You classify what customers of a shop write.\nAnswer with one intent."
TAIL = "\n\nAvailable Intents:\n1. refund\n2. delivery\n\nUse the tool to answer the customer."
QUERIES = ("Where is my card?", "How do I top up my card?", "Why was I charged twice?")
WORDS = st.lists(
    st.text(alphabet="abcdefghijklmnop", min_size=1, max_size=8), min_size=1, max_size=8
).map(" ".join)


def call(system: str, query: str) -> list[ChatMessage]:
    return [
        ChatMessage("system", system),
        ChatMessage("user", f"Customer Query: {query}{TAIL}"),
    ]


def shop() -> LearnedBaseline:
    return learn_baseline([call(INSTRUCTION, query) for query in QUERIES])


def test_learn_when_system_is_the_same_for_all_then_it_is_the_one_component() -> None:
    assert shop().initial_candidate() == Candidate.of({"system": INSTRUCTION})


def test_learn_when_system_holds_data_then_it_becomes_a_wildcard() -> None:
    systems = [
        f"You help a customer of a big shop.\nThe customer is {name}.\nBe kind and short."
        for name in ("Ann", "Bob Smith", "Cy")
    ]
    baseline = learn_baseline([call(system, "Where?") for system in systems])
    (part,) = baseline.components
    assert part.template.wildcards == ("data_1",)
    messages = call(systems[1], "anything")
    planned = plan_substitution(
        messages, baseline, Candidate.of({"system": "Now: {data_1}; mind {braces}."})
    ).texts
    assert "Bob Smith" in planned[0]
    assert planned[0].endswith("mind {braces}.")


def test_learn_when_declared_pattern_fits_then_its_names_are_kept() -> None:
    systems = [f"Help {name} with the order." for name in ("Ann", "Bob")]
    declared = [DeclaredMessage("system", "Help {customer} with the order.")]
    baseline = learn_baseline([call(system, "Where?") for system in systems], declared)
    assert baseline.components[0].template.wildcards == ("customer",)
    assert baseline.notes == ()


def test_learn_when_declared_pattern_differs_then_the_truth_is_learned_and_noted() -> None:
    declared = [DeclaredMessage("system", "Something else {available_intents}")]
    baseline = learn_baseline([call(INSTRUCTION, query) for query in QUERIES], declared)
    assert baseline.initial_candidate().texts == {"system": INSTRUCTION}
    assert "initial_prompt" in baseline.notes[0]


def test_learn_when_there_is_no_system_message_then_the_user_template_is_the_component() -> None:
    observed = [[ChatMessage("user", f"Customer Query: {query}{TAIL}")] for query in QUERIES]
    (part,) = learn_baseline(observed).components
    assert [slot.component for slot in part.slots] == ["user"]
    assert "Available Intents" in part.template.static_text


@pytest.mark.parametrize(
    ("observed", "words"),
    [
        ([], "called no model"),
        ([[]], "called no model"),
        ([[ChatMessage("user", "one two")], [ChatMessage("user", "three four")]], "no static"),
        (
            [[ChatMessage("system", "a b c d")], [ChatMessage("user", "a b c d")]],
            "stage",
        ),
        (
            [
                [ChatMessage("system", "a b c d")],
                [ChatMessage("system", "a b c d"), ChatMessage("system", "e")],
            ],
            "different numbers",
        ),
    ],
)
def test_learn_when_there_is_nothing_to_optimise_then_says_why(
    observed: list[list[ChatMessage]], words: str
) -> None:
    with pytest.raises(SubstitutionError, match=words):
        learn_baseline(observed)


@given(st.lists(WORDS, min_size=2, max_size=5))
def test_learned_template_when_data_differ_then_matches_all_it_was_learned_from(
    data: list[str],
) -> None:
    messages = [
        f"Instruction one two three.\nData: {words}\nGoodbye, dear model." for words in data
    ]
    template = learn_template(messages)
    for message in messages:
        values = template.match(message)
        assert values is not None
        assert template.render(values) == message


@given(WORDS)
def test_learned_template_when_a_new_example_comes_then_matches_it_too(words: str) -> None:
    assert shop().stages[0].messages[1].template.match(f"Customer Query: {words}{TAIL}") is not None


@given(WORDS)
def test_substituting_the_initial_candidate_is_the_identity(words: str) -> None:
    baseline = shop()
    messages = call(INSTRUCTION, words)
    planned = plan_substitution(messages, baseline, baseline.initial_candidate()).texts
    assert planned == {0: INSTRUCTION}


@pytest.mark.parametrize(
    "messages",
    [
        call(INSTRUCTION + " And more.", "Where?"),
        call("Something else.", "Where?"),
        [ChatMessage("user", INSTRUCTION)],
        [],
    ],
)
def test_substitution_when_the_call_is_not_the_baselines_then_refuses_without_candidate_text(
    messages: list[ChatMessage],
) -> None:
    secret = Candidate.of({"system": "zebra quagga okapi"})
    with pytest.raises(SubstitutionError) as caught:
        plan_substitution(messages, shop(), secret)
    assert not any(word in str(caught.value) for word in ("zebra", "quagga", "okapi"))


def test_substitution_when_turns_follow_then_only_the_instruction_is_replaced() -> None:
    messages = [
        *call(INSTRUCTION, "Where?"),
        ChatMessage("assistant", "x"),
        ChatMessage("user", "y"),
    ]
    planned = plan_substitution(messages, shop(), Candidate.of({"system": "New."})).texts
    assert planned == {0: "New."}


def test_data_of_when_the_rest_is_static_then_gives_the_query_alone() -> None:
    assert data_of(call(INSTRUCTION, "My parcel is late."), shop().stages[0]) == (
        "Customer Query: My parcel is late."
    )


def test_baseline_when_written_and_read_is_the_same() -> None:
    assert LearnedBaseline.from_json(shop().to_json()) == shop()
