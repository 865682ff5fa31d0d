import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.learning import DeclaredMessage, LearnedBaseline
from ray_promptopt.prompts.pipeline import DeclaredStage, learn_pipeline
from ray_promptopt.prompts.substitution import data_of, plan_substitution, stage_in

LISTED = "\n\nAvailable Intents:\n" + "\n".join(f"{n}. intent_{n}" for n in range(40))
CLASSIFY = "You read what a customer writes and name its intent."
CHECK = "You are given a suggestion. Confirm it, or correct it."
QUERIES = ("Where is my card?", "How do I top up?", "Why was I charged twice?")
STAGES = (DeclaredStage("classifier", CLASSIFY), DeclaredStage("checker", CHECK))
WORDS = st.lists(
    st.text(alphabet="abcdefghijklmnop", min_size=1, max_size=8), min_size=1, max_size=8
).map(" ".join)


def classify(query: str) -> list[ChatMessage]:
    return [
        ChatMessage("system", CLASSIFY + LISTED),
        ChatMessage("user", f"Customer Query: {query}"),
    ]


def check(query: str, suggested: str = "intent_3") -> list[ChatMessage]:
    return [
        ChatMessage("system", CHECK + LISTED),
        ChatMessage("user", f"Original Customer Query: {query}\nSuggested Intent: {suggested}"),
    ]


def pipeline() -> LearnedBaseline:
    rollouts = [[classify(query), check(query)] for query in QUERIES]
    return learn_pipeline(rollouts, STAGES)


def test_each_stage_has_its_own_component_named_after_it() -> None:
    baseline = pipeline()
    assert [stage.name for stage in baseline.stages] == ["classifier", "checker"]
    assert baseline.initial_candidate() == Candidate.of(
        {"classifier.system": CLASSIFY + LISTED, "checker.system": CHECK + LISTED}
    )
    assert baseline.notes == ()
    assert LearnedBaseline.from_json(baseline.to_json()) == baseline


@given(WORDS)
def test_a_call_gets_the_text_of_its_stage_alone(query: str) -> None:
    baseline = pipeline()
    candidate = Candidate.of({"classifier.system": "Name it.", "checker.system": "Check it."})
    assert plan_substitution(classify(query), baseline, candidate).texts == {0: "Name it."}
    assert plan_substitution(check(query), baseline, candidate).texts == {0: "Check it."}


def test_the_data_of_a_call_is_that_of_its_stage() -> None:
    baseline = pipeline()
    call = check("Is it lost?", "intent_9")
    assert "intent_9" in data_of(call, stage_in(call, baseline))
    assert "Available Intents" not in data_of(call, stage_in(call, baseline))


def test_stages_with_one_system_message_are_told_apart_by_what_the_user_messages_say() -> None:
    system = ChatMessage("system", "You help customers of a bank." + LISTED)
    rollouts = [
        [[system, classify(query)[1]], [system, check(query, f"intent_{place}")[1]]]
        for place, query in enumerate(QUERIES)
    ]
    declared = (
        DeclaredStage("classifier", system.content + "\nCustomer Query:"),
        DeclaredStage("checker", system.content + "\nOriginal Customer Query: … Suggested Intent:"),
    )
    baseline = learn_pipeline(rollouts, declared)
    assert stage_in([system, classify("Lost?")[1]], baseline).name == "classifier"
    assert stage_in([system, check("Lost?")[1]], baseline).name == "checker"


def test_calls_whose_stages_are_only_named_are_taken_in_their_order_and_that_is_noted() -> None:
    rollouts = [[classify(query), check(query)] for query in QUERIES]
    baseline = learn_pipeline(rollouts, [DeclaredStage("first"), DeclaredStage("second")])
    assert baseline.initial_candidate().texts["second.system"] == CHECK + LISTED
    assert "order" not in "".join(pipeline().notes)
    assert "the first call of a rollout" in baseline.notes[0]


def test_a_stage_that_is_called_twice_is_learned_from_all_its_calls() -> None:
    rollouts = [[classify(query), check(query), check(query, "intent_7")] for query in QUERIES]
    baseline = learn_pipeline(rollouts, STAGES)
    assert [stage.name for stage in baseline.stages] == ["classifier", "checker"]


def test_declared_messages_of_a_stage_give_the_names_of_its_data() -> None:
    pattern = "Customer Query: {query}"
    stages = (
        DeclaredStage(
            "classifier",
            CLASSIFY,
            (DeclaredMessage("system", CLASSIFY + LISTED), DeclaredMessage("user", pattern, 1)),
        ),
        STAGES[1],
    )
    baseline = learn_pipeline([[classify(query), check(query)] for query in QUERIES], stages)
    assert baseline.stages[0].messages[1].template.wildcards == ("query",)


@pytest.mark.parametrize(
    ("rollouts", "words"),
    [
        ([], "called no model"),
        ([[]], "called no model"),
        ([[classify("a")], [classify("b")]], "stage checker"),
        (
            [[[ChatMessage("system", "something else entirely")]]],
            "2 stages are declared, and a baseline rollout made 1 calls",
        ),
        ([[classify("a"), classify("b")], [classify("c"), classify("d")]], "no baseline rollout"),
    ],
)
def test_stages_that_cannot_be_learned_are_refused_with_the_reason(
    rollouts: list[list[list[ChatMessage]]], words: str
) -> None:
    with pytest.raises(SubstitutionError, match=words):
        learn_pipeline(rollouts, STAGES)


def test_stages_that_say_the_same_are_refused() -> None:
    rollouts = [[classify(query), classify(query)] for query in QUERIES]
    with pytest.raises(SubstitutionError, match="no one stage"):
        learn_pipeline(rollouts, [DeclaredStage("first"), DeclaredStage("second")])


def test_a_call_of_no_stage_is_refused_with_the_ratios_and_nothing_of_the_candidate() -> None:
    secret = Candidate.of({"classifier.system": "zebra quagga", "checker.system": "okapi"})
    strange = [ChatMessage("system", "Write a poem." + LISTED), ChatMessage("user", "Go.")]
    with pytest.raises(SubstitutionError, match=r"classifier 0\.\d\d") as caught:
        plan_substitution(strange, pipeline(), secret)
    assert not any(word in str(caught.value) for word in ("zebra", "quagga", "okapi"))


def test_a_call_that_is_nearly_a_stages_is_refused_and_never_sent_as_another() -> None:
    changed = [ChatMessage("system", CHECK + " Be quick." + LISTED), check("x")[1]]
    with pytest.raises(SubstitutionError, match="is not the baseline's"):
        plan_substitution(changed, pipeline(), pipeline().initial_candidate())
