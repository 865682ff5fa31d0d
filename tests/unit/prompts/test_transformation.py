import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import Demo, DemoSet
from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.demonstrations import examples_for
from ray_promptopt.prompts.learning import DeclaredMessage, learn_baseline
from ray_promptopt.prompts.substitution import plan_substitution
from ray_promptopt.prompts.transformation import ExampleInjection, Transformation
from ray_promptopt.prompts.written import sections_of

CALL = (
    ChatMessage("system", "Sort for shop A."),
    ChatMessage("system", "Answer with one label."),
    ChatMessage("user", "Where is it?"),
)
BASELINE = learn_baseline(
    [CALL, (ChatMessage("system", "Sort for shop B."), CALL[1], ChatMessage("user", "Hello"))],
    [DeclaredMessage("system", "Sort for {shop}."), DeclaredMessage("system", CALL[1].content, 1)],
)
(STAGE,) = BASELINE.stages
DEMOS = (Demo("Lost.", "lost"), Demo("Late!", "late"))
TEXTS = st.sampled_from(["Of {shop}: weigh verbs.", "No data here.", "{shop} {shop}"])


@given(first=TEXTS, second=st.text(max_size=20), demos=st.sampled_from([(), DEMOS]))
def test_a_candidate_as_a_change_does_what_the_gateway_does(
    first: str, second: str, demos: DemoSet
) -> None:
    candidate = Candidate.of({"system": first, "system_2": second}, {"main": demos})
    plan = plan_substitution(CALL, BASELINE, candidate)
    change = Transformation.between(STAGE, candidate)
    expected = [plan.texts.get(index, message.content) for index, message in enumerate(CALL)]
    expected[2:2] = [text for demo in demos for text in (demo.inputs, demo.output)]
    assert [message.content for message in change.apply(CALL)] == expected
    assert Transformation.from_dict(change.to_dict()) == change


def test_the_baselines_own_candidate_is_no_change() -> None:
    assert Transformation.between(STAGE, BASELINE.initial_candidate()) == Transformation()


def test_a_replacement_without_role_is_for_system_messages_and_examples_follow_their_role() -> None:
    change = Transformation.from_dict(
        {
            "text_replacements": [{"old_text": "one label", "new_text": "a label"}],
            "example_injections": [
                {
                    "insert_after_role": "system",
                    "examples": [
                        {"role": "user", "content": "Lost."},
                        {"role": "assistant", "content": "lost"},
                    ],
                }
            ],
        }
    )
    assert [(message.role, message.content) for message in change.apply(CALL)] == [
        ("system", "Sort for shop A."),
        ("system", "Answer with a label."),
        ("user", "Lost."),
        ("assistant", "lost"),
        ("user", "Where is it?"),
    ]


def test_without_instructions_examples_stand_before_everything() -> None:
    call = (ChatMessage("user", "Sort what a customer writes: Where is it?"),)
    other = (ChatMessage("user", "Sort what a customer writes: Hello"),)
    baseline = learn_baseline([call, other])
    candidate = Candidate.of(baseline.initial_candidate().texts, {"main": DEMOS})
    change = Transformation.between(baseline.stages[0], candidate)
    assert change.to_dict()["example_injections"][0]["insert_after_role"] is None
    assert [message.role for message in change.apply(call)] == [*("user", "assistant") * 2, "user"]
    assert Transformation.from_dict(change.to_dict()) == change


def test_examples_stand_before_the_calls_own_history_and_its_later_reminders() -> None:
    roles = ("system", "developer", "user", "assistant", "system", "user")
    call = [ChatMessage(role, f"number {place}") for place, role in enumerate(roles)]
    candidate = Candidate.of({"system": "x"}, {"main": DEMOS})
    assert examples_for(call, candidate, "main").place == 2
    injection = ExampleInjection(examples_for(call, candidate, "main").turns, "developer")
    assert [message.content for message in injection.apply(call)][1:3] == ["number 1", "Lost."]


@pytest.mark.parametrize(
    "raw",
    [
        {"text_replacements": [{"old_text": "not there", "new_text": "x"}]},
        {"text_replacements": [{"new_text": "x", "apply_to_role": "developer"}]},
        {"text_replacements": [{"new_text": "x", "position": 2}]},
        {"example_injections": [{"examples": [], "insert_after_role": "developer"}]},
    ],
)
def test_a_change_that_finds_nothing_to_change_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(SubstitutionError):
        Transformation.from_dict(raw).apply(CALL)


def test_sections_hold_every_message_in_order_with_data_as_wildcards() -> None:
    candidate = Candidate.of({"system": "Of {shop}.", "system_2": "Label it."})
    sections = sections_of(STAGE, candidate)
    assert [section["content"] for section in sections[:2]] == ["Of {shop}.", "Label it."]
    assert [section["name"] for section in sections] == ["system", "system_2", "user_2"]
    assert sections[2]["content"].startswith("{data_")
