import pytest

from ray_promptopt.algorithms.gepa.reflection import (
    DEFAULT_TEMPLATE,
    Lesson,
    render_prompt,
    wildcards,
)
from ray_promptopt.core.work import Evidence

LESSONS = [
    Lesson(Evidence("card lost", "refund", "wrong: lost_card"), 0.0),
    Lesson(Evidence("where is it", "arrival", ""), 2 / 3),
]


def test_prompt_when_rendered_has_the_layout_of_the_reference() -> None:
    prompt = render_prompt(DEFAULT_TEMPLATE, "Pick a label.", LESSONS)
    assert prompt.startswith(
        "I provided an assistant with the following instructions to perform a task for me:\n"
        "```\nPick a label.\n```\n"
    )
    assert (
        "# Example 1\n## Inputs\ncard lost\n\n## Generated Outputs\nrefund\n\n"
        "## Feedback\nThis response got a score of 0.\nwrong: lost_card\n" in prompt
    )
    assert "\n\n# Example 2\n## Inputs\nwhere is it\n" in prompt
    assert "## Feedback\nThis response got a score of 0.6667.\n```" in prompt
    assert prompt.endswith("Provide the new instructions within ``` blocks.")


def test_prompt_when_texts_look_like_template_fields_leaves_them() -> None:
    evidence = Evidence("<curr_param>", "<side_info>", "x")
    prompt = render_prompt("<curr_param>|<side_info>", "see <side_info>", [Lesson(evidence, 1.0)])
    assert prompt.startswith("see <side_info>|# Example 1\n## Inputs\n<curr_param>\n")


def test_prompt_when_wildcards_are_required_names_them() -> None:
    prompt = render_prompt(DEFAULT_TEMPLATE, "x", LESSONS, required=("{a}", "{b}"))
    assert prompt.endswith("exactly as written: {a}, {b}")


def test_prompt_when_asked_again_states_the_reason() -> None:
    prompt = render_prompt(DEFAULT_TEMPLATE, "x", LESSONS, refusal="it was empty")
    assert "could not be used: it was empty." in prompt


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Answer {query} with {labels}, {query}.", ("{labels}", "{query}")),
        ('Reply {"label": 1} or {{literal}} or { spaced } or {1}', ()),
        ("", ()),
    ],
)
def test_wildcards_when_listed_are_single_braced_names(text: str, found: tuple[str, ...]) -> None:
    assert wildcards(text) == found
