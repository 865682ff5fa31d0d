"""A prompt as sections and as texts to replace: learned from calls, found again, written down."""

import pytest

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.explaining import explain_substitution
from ray_promptopt.prompts.forms import Passage, formed
from ray_promptopt.prompts.learning import LearnedBaseline, PromptForm, learn_stage
from ray_promptopt.prompts.substitution import data_of, plan_substitution
from ray_promptopt.prompts.transformation import Transformation
from ray_promptopt.prompts.written import sections_of, written

RULES = "Rules:\n- be brief\n- be kind to {customer}"
SECTIONS = [Passage("role", "You sort mail for a shop."), Passage("rules", RULES)]


def call(customer: str, query: str) -> tuple[ChatMessage, ...]:
    rules = RULES.replace("{customer}", customer)
    return (
        ChatMessage("system", f"You sort mail for a shop.\n\nToday is {query[::-1]}.\n\n{rules}"),
        ChatMessage("system", "The intents are: refund, delivery and no others."),
        ChatMessage("user", f"Here is what the customer wrote: {query}"),
    )


CALLS = [call("Ann", "Where is it?"), call("Bob Smith", "Money back."), call("Cy", "Late!")]


def learned(form: PromptForm, *passages: Passage) -> LearnedBaseline:
    stage, notes = learn_stage("main", CALLS)
    return LearnedBaseline((formed(stage, CALLS, form, passages),), notes, form)


TEMPLATE = learned(PromptForm.TEMPLATE, *SECTIONS)
TRANSFORMATION = learned(
    PromptForm.TRANSFORMATION,
    Passage("rules", "- be kind to {customer}"),
    Passage("brief", "- be brief"),
    Passage("asked", "what the customer wrote:", "user"),
)


@pytest.mark.parametrize("form", PromptForm)
def test_the_baselines_own_candidate_changes_no_call_in_any_form(form: PromptForm) -> None:
    for baseline in (learned(form), TEMPLATE, TRANSFORMATION):
        for messages in CALLS:
            texts = plan_substitution(messages, baseline, baseline.initial_candidate()).texts
            assert texts
            assert all(messages[index].content == text for index, text in texts.items())
        assert LearnedBaseline.from_json(baseline.to_json()) == baseline


def test_sections_are_components_and_what_stands_between_them_stays_with_its_data() -> None:
    assert TEMPLATE.initial_candidate().texts == {"role": SECTIONS[0].text, "rules": RULES}
    candidate = Candidate.of({"role": "Sort.", "rules": "Mind {customer}, be {braced}."})
    plan = plan_substitution(call("Dee", "Hello?"), TEMPLATE, candidate)
    assert plan.texts == {0: "Sort.\n\nToday is ?olleH.\n\nMind Dee, be {braced}."}


def test_a_template_without_sections_is_every_message_with_static_text() -> None:
    baseline = learned(PromptForm.TEMPLATE)
    assert sorted(baseline.initial_candidate().texts) == ["system", "system_2", "user"]
    user = baseline.initial_candidate().texts["user"].replace("Here is what", "Read what")
    candidate = baseline.initial_candidate().with_texts({"user": user})
    plan = plan_substitution(call("Dee", "Hello?"), baseline, candidate)
    assert plan.texts[2] == "Read what the customer wrote: Hello?"


def test_a_section_may_stand_in_a_later_message_of_its_role() -> None:
    section = Passage("intents", "The intents are: refund, delivery and no others.")
    baseline = learned(PromptForm.TEMPLATE, SECTIONS[0], section)
    candidate = Candidate.of({"role": "Sort.", "intents": "Intents: any."})
    texts = plan_substitution(CALLS[0], baseline, candidate).texts
    assert (texts[0][:5], texts[1]) == ("Sort.", "Intents: any.")


def test_a_transformation_replaces_texts_wherever_they_stand_and_keeps_all_else() -> None:
    candidate = Candidate.of(
        {"rules": "- {customer} first", "brief": "- short", "asked": "the mail:"}
    )
    strange = (
        ChatMessage("system", "Something new."),
        ChatMessage("user", "Remember what the customer wrote: before. And now?"),
        ChatMessage("system", "New.\n- be brief\nand\n- be kind to Eve"),
    )
    plan = plan_substitution(strange, TRANSFORMATION, candidate)
    assert plan.texts == {
        1: "Remember the mail: before. And now?",
        2: "New.\n- short\nand\n- Eve first",
    }


def test_a_transformation_without_declared_texts_takes_the_static_text_of_the_instructions() -> (
    None
):
    baseline = learned(PromptForm.TRANSFORMATION)
    texts = baseline.initial_candidate().texts
    assert sorted(texts) == ["system", "system_2", "system_part_2"]
    assert texts["system"].startswith("You sort mail for a shop.")
    plan = plan_substitution(CALLS[0], baseline, Candidate.of({**texts, "system_2": "Any."}))
    assert plan.texts[1] == "Any."


def test_data_is_what_differs_between_calls_in_every_form() -> None:
    pattern = data_of(CALLS[0], learned(PromptForm.PATTERN).stages[0])
    for baseline in (learned(PromptForm.TEMPLATE), TRANSFORMATION):
        assert data_of(CALLS[0], baseline.stages[0]) == pattern


@pytest.mark.parametrize(
    ("baseline", "messages", "says"),
    [
        (TEMPLATE, [ChatMessage("system", "You sort mail.")], "message 0 .system. is not"),
        (TEMPLATE, [], "has no message 0"),
        (TRANSFORMATION, CALLS[0][:1], "no user message of the call holds .* text of asked"),
        (TRANSFORMATION, CALLS[0][1:], "no system message of the call holds .* brief, rules"),
    ],
)
def test_a_call_that_lacks_a_part_of_the_baseline_is_refused_and_the_part_is_named(
    baseline: LearnedBaseline, messages: list[ChatMessage], says: str
) -> None:
    with pytest.raises(SubstitutionError, match=says):
        plan_substitution(messages, baseline, baseline.initial_candidate())
    fates = explain_substitution(messages, baseline.stages[0], baseline.initial_candidate())
    assert any(fate.problem for fate in fates)


def test_one_message_that_holds_what_were_two_is_refused() -> None:
    texts = [Passage("role", "You sort mail"), Passage("intents", "The intents are")]
    baseline = learned(PromptForm.TRANSFORMATION, *texts)
    joined = [ChatMessage("system", "You sort mail. The intents are few.")]
    with pytest.raises(SubstitutionError, match="holds what the baseline has in two messages"):
        plan_substitution(joined, baseline, baseline.initial_candidate())


@pytest.mark.parametrize(
    ("form", "passages", "says"),
    [
        (PromptForm.TEMPLATE, [Passage("tone", "Be formal.")], "section 'tone'"),
        (PromptForm.TEMPLATE, [SECTIONS[1], SECTIONS[0]], "section 'role'"),
        (PromptForm.TEMPLATE, [Passage("role", SECTIONS[0].text, "user")], "no user message"),
        (PromptForm.TRANSFORMATION, [Passage("x", "Be formal.")], "old_text 'x'"),
        (PromptForm.TRANSFORMATION, [Passage("x", "- be brief", position=1)], "old_text 'x'"),
        (
            PromptForm.TRANSFORMATION,
            [Passage("a", "sort mail for"), Passage("b", "mail for a shop")],
            r"overlap or change their order \(a, b\)",
        ),
    ],
)
def test_what_the_app_does_not_send_cannot_be_learned_and_is_named(
    form: PromptForm, passages: list[Passage], says: str
) -> None:
    with pytest.raises(SubstitutionError, match=says):
        learned(form, *passages)


def test_a_candidate_is_written_in_the_form_of_its_prompt() -> None:
    demos = {"main": (Demo("Lost.", "delivery"),)}
    sections = Candidate.of({"role": "Sort.", "rules": "Mind {customer}."}, demos)
    template = written(TEMPLATE, sections)
    assert template["payload_kind"] == template["object"]["type"] == "template"
    shown = [
        (one["order"], one["name"], one["role"]) for one in template["object"]["data"]["sections"]
    ]
    assert shown == [
        (0, "role", "system"), (1, "system_0_before_2", "system"), (2, "rules", "system"),
        (3, "system_1", "system"), (4, "example_1_user", "user"),
        (5, "example_1_assistant", "assistant"), (6, "user_2", "user"),
    ]  # fmt: skip
    assert template["full_text"].startswith(
        "[system | role]\nSort.\n\n[system | system_0_before_2]"
    )
    texts = Candidate.of({**TRANSFORMATION.initial_candidate().texts, "brief": "- short"}, demos)
    change = written(TRANSFORMATION, texts)
    assert change["payload_kind"] == "transformation"
    assert change["object"]["data"] == {
        "text_replacements": [
            {"old_text": "- be brief", "new_text": "- short", "apply_to_role": "system",
             "position": None}
        ],
        "example_injections": [
            {"examples": [{"role": "user", "content": "Lost."},
                          {"role": "assistant", "content": "delivery"}],
             "insert_after_role": "system"}
        ],
    }  # fmt: skip
    pattern = written(learned(PromptForm.PATTERN), learned(PromptForm.PATTERN).initial_candidate())
    assert [message["role"] for message in pattern["object"]["data"]["messages"]] == [
        "system", "system", "user"
    ]  # fmt: skip


@pytest.mark.parametrize("baseline", [TEMPLATE, TRANSFORMATION], ids=["template", "transformation"])
def test_the_written_change_does_to_a_call_what_the_gateway_does(baseline: LearnedBaseline) -> None:
    texts = {name: f"New {name}." for name in baseline.initial_candidate().texts}
    candidate = Candidate.of({**texts, "rules": "Mind {customer}."}, {"main": (Demo("a", "b"),)})
    plan = plan_substitution(CALLS[1], baseline, candidate)
    expected = [plan.texts.get(index, one.content) for index, one in enumerate(CALLS[1])]
    expected[plan.examples.place : plan.examples.place] = ["a", "b"]
    (stage,) = baseline.stages
    change = Transformation.between(stage, candidate)
    assert [one.content for one in change.apply(CALLS[1])] == expected
    assert [one["content"] for one in sections_of(stage, candidate) if one["name"] in texts]
