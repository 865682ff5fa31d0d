from typing import Any

import pytest

from ray_promptopt.config.schema import InitialPrompt
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.learning import PromptForm
from ray_promptopt.runs.mipro_search import Context, mipro_settings
from ray_promptopt.runs.stages import learn_from
from tests.unit.config.documents import GEPA, gepa, mipro, refused

SECTIONS = [
    {"name": "rules", "content": "Name one label only.", "order": 2},
    {"name": "role", "role": "system", "pattern": "You sort mail for {shop}.", "order": 1},
]
TEXTS = [
    {"old_text": "You sort mail"},
    {"old_text": "one label", "name": "label"},
    {"old_text": "The customer wrote:", "apply_to_role": "user", "position": 1},
]
CALLS = [
    [[ChatMessage("system", f"You sort mail for {shop}. Name one label only."),
      ChatMessage("user", f"The customer wrote: {mail}")]]
    for shop, mail in (("Ann", "Where?"), ("Bob", "Late!"))
]  # fmt: skip


def prompt(**initial_prompt: Any) -> InitialPrompt:
    return gepa(initial_prompt=initial_prompt).initial_prompt


def test_sections_make_a_template_and_texts_to_replace_a_transformation() -> None:
    assert gepa().initial_prompt.form == "pattern"
    assert prompt(sections=SECTIONS).form == "template"
    assert prompt(prompt_sections=SECTIONS).sections[1].content == "You sort mail for {shop}."
    assert prompt(text_replacements=TEXTS).form == "transformation"
    assert prompt(form="transformation").text_replacements == ()


@pytest.mark.parametrize(
    ("given", "key", "says"),
    [
        ({"form": "free"}, "initial_prompt.form", "'pattern', 'template' or 'transformation'"),
        ({"form": "pattern", "sections": SECTIONS}, "initial_prompt.sections", "template"),
        ({"sections": SECTIONS, "text_replacements": TEXTS}, "initial_prompt.text_replacements",
         'form = "transformation"'),
        ({"sections": [SECTIONS[0]] * 2}, "initial_prompt.sections", "differently"),
        ({"sections": [{"name": "a.b", "content": "x"}]}, "initial_prompt.sections[0].name",
         "pattern"),
        ({"sections": [{"name": "a", "content": ""}]}, "initial_prompt.sections[0].content",
         "at least 1"),
        ({"sections": {}}, "initial_prompt.sections", "at least one table"),
        ({"sections": [7]}, "initial_prompt.sections[0]", "name, role, content, order"),
        ({"text_replacements": [{"new_text": "x"}]}, "initial_prompt.text_replacements[0].new_text",
         "did you mean old_text"),
        ({"sections": SECTIONS, "metadata": {"pipeline_modules": ["a", "b"]}},
         "initial_prompt.sections", "stages of a pipeline"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_is_refused_by_name(
    given: dict[str, Any], key: str, says: str
) -> None:
    assert says in refused(GEPA, initial_prompt=given)[key]


def test_the_baseline_is_learned_in_the_form_that_the_config_asks_for() -> None:
    template = learn_from(CALLS, gepa(initial_prompt={"sections": SECTIONS}))
    assert template.form is PromptForm.TEMPLATE
    assert template.initial_candidate().texts == {
        "role": "You sort mail for {shop}.", "rules": "Name one label only."
    }  # fmt: skip
    change = learn_from(CALLS, gepa(initial_prompt={"text_replacements": TEXTS}))
    assert change.initial_candidate().texts == {
        "system": "You sort mail", "label": "one label", "user": "The customer wrote:"
    }  # fmt: skip


def test_demonstrations_are_text_in_pattern_form_and_messages_in_the_others() -> None:
    def in_text(**changes: Any) -> bool:
        config = mipro(**changes)
        assert config.mipro is not None
        return mipro_settings(config, config.mipro, 90, Context()).demos_in_text

    assert in_text()
    assert not in_text(mipro__demo={"placement": "messages"})
    assert not in_text(initial_prompt={"form": "template"})
    assert in_text(initial_prompt={"form": "template"}, mipro__demo={"placement": "text"})
