import pytest

from ray_promptopt.algorithms.gepa.proposers import (
    PROPOSERS,
    Flavour,
    MergeRequest,
    ProposerSettings,
    ReflectionRequest,
    ReflectiveExample,
    RejectedEdit,
    VerifiedEdit,
    make_proposer,
)
from ray_promptopt.algorithms.parsing import wildcards
from ray_promptopt.core.errors import ConfigError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.work import Evidence

EXAMPLES = (
    ReflectiveExample(Evidence("where is it", "arrival", ""), 1.0),
    ReflectiveExample(Evidence("card lost", "refund", "wrong: lost_card"), 0.0),
)
REJECTED = tuple(
    RejectedEdit(f"Pick a label. Try {n}.", 1.0, 1.0, 3, f"lost {n}") for n in range(20)
)
FLAVOURS = tuple(PROPOSERS)


def request(
    text: str = "Pick a label.",
    required: tuple[str, ...] = (),
    rejected: tuple[RejectedEdit, ...] = (),
    refusal: str | None = None,
) -> ReflectionRequest:
    return ReflectionRequest("system", text, EXAMPLES, required, rejected, refusal)


def said(messages: tuple[ChatMessage, ...]) -> str:
    return messages[-1].content


def reflect(settings: ProposerSettings | None = None, **given: object) -> str:
    proposer = make_proposer(settings or ProposerSettings())
    return said(proposer.reflect(request(**given)))  # type: ignore[arg-type]


def test_default_prompt_is_the_reference_one_word_for_word() -> None:
    messages = make_proposer(ProposerSettings()).reflect(request())
    assert len(messages) == 1
    assert messages[0].role == "user"
    prompt = messages[0].content
    assert prompt.startswith(
        "I provided an assistant with the following instructions to perform a task for me:\n"
        "```\nPick a label.\n```\n\nThe following are examples of different task inputs provided"
    )
    assert (
        "```\n# Example 1\n## Inputs\nwhere is it\n\n## Generated Outputs\narrival\n\n"
        "## Feedback\nThis response got a score of 1.\n\n# Example 2\n" in prompt
    )
    assert "## Feedback\nThis response got a score of 0.\nwrong: lost_card\n```" in prompt
    assert prompt.endswith("Provide the new instructions within ``` blocks.")


def test_own_template_when_filled_leaves_what_looks_like_its_fields_in_the_texts() -> None:
    settings = ProposerSettings(template="<curr_param>|<side_info>|<notes>")
    prompt = reflect(settings, text="see <side_info>")
    assert prompt.startswith("see <side_info>|# Example 1\n")
    assert prompt.endswith("|<notes>")


def test_own_template_without_both_fields_is_refused() -> None:
    with pytest.raises(ConfigError, match="add <side_info>"):
        ProposerSettings(template="Improve <curr_param>")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_names_wildcards_limit_refusal_guidance_and_spec(flavour: Flavour) -> None:
    settings = ProposerSettings(
        flavour, guidance="Be kind.", spec="- must: greet", max_prompt_tokens=100
    )
    prompt = reflect(settings, required=("{a}", "{b}"), refusal="it was empty")
    assert "exactly as written: {a}, {b}" in prompt
    assert "at most 100 tokens, which is about 70 words" in prompt
    assert "could not be used: it was empty." in prompt
    assert "<guidance>\nBe kind.\n</guidance>" in prompt
    assert "<system_spec>\n- must: greet\n</system_spec>" in prompt
    assert "<$" not in prompt
    assert "\n\n\n" not in prompt
    assert "\n\n\n" not in reflect(ProposerSettings(flavour))


@pytest.mark.parametrize("flavour", ["dspy", "synth"])
def test_program_when_known_is_shown_within_its_budget(flavour: Flavour) -> None:
    program = "def run():\n" + "    pass  # again\n" * 3000
    prompt = reflect(ProposerSettings(flavour, program=program, effort="LOW"))
    shown = prompt.split("<program_code>\n")[1].split("\n</program_code>")[0]
    assert shown.startswith("def run():")
    assert len(shown) == 4000
    assert "characters cut" in shown
    assert "program_code" not in reflect(
        ProposerSettings(flavour, program=program, effort="LOW_CONTEXT")
    )


@pytest.mark.parametrize("flavour", ["dspy", "synth"])
def test_examples_in_our_flavours_begin_with_the_worst(flavour: Flavour) -> None:
    prompt = reflect(ProposerSettings(flavour))
    assert prompt.index("card lost") < prompt.index("where is it")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_rejected_edits_are_diffs_of_the_latest_ones_with_scores_and_reasons(
    flavour: Flavour,
) -> None:
    prompt = reflect(ProposerSettings(flavour, effort="LOW"), rejected=REJECTED)
    assert (
        "Edit 1: score 1 before, 1 after, summed over 3 examples\n"
        "- Pick a label.\n+ Pick a label. Try 17.\nWhat went wrong: lost 17\n" in prompt
    )
    assert "Do not try these again" in prompt
    assert "Try 19." in prompt
    assert "Try 16." not in prompt
    assert "rejected" not in reflect(ProposerSettings(flavour))


def test_current_text_with_fences_is_fenced_by_longer_ones() -> None:
    prompt = reflect(ProposerSettings("synth"), text="Like so:\n```\nx\n```")
    assert "## Current instructions\n````\nLike so:\n```\nx\n```\n````\n" in prompt


def test_merge_shows_the_current_text_and_each_edit_with_what_it_fixed() -> None:
    base = "Pick a label.\nBe brief.\nLook twice."
    edits = (
        VerifiedEdit(base, base + "\nlost_card: lost", 0.0, 1.0, EXAMPLES),
        VerifiedEdit("Old.", "New.", 1.0, 2.0, EXAMPLES),
    )
    proposer = make_proposer(ProposerSettings(max_prompt_tokens=50))
    merge = MergeRequest("system", base, edits, ("{q}",), "it was empty")
    prompt = said(proposer.merge(merge))
    assert f"for me:\n```\n{base}\n```\n" in prompt
    assert "# Edit 1: score 0 before, 1 after, summed over 2 examples" in prompt
    assert "in the current instructions:\n```diff\n+ lost_card: lost\n```" in prompt
    assert "The edited instructions:\n```\nNew.\n```" in prompt
    assert prompt.count("wrong: lost_card") == 2
    assert "{q}" in prompt
    assert "at most 50 tokens" in prompt
    assert "it was empty" in prompt
    assert prompt.endswith("Provide the new instructions within ``` blocks.")


def test_variants_of_different_numbers_ask_for_different_angles() -> None:
    proposer = make_proposer(ProposerSettings())
    prompts = {said(proposer.variant("system", "Pick.", ("{q}",), n)) for n in range(1, 41)}
    assert len(prompts) == 40
    assert all("{q}" in prompt and "```\nPick.\n```" in prompt for prompt in prompts)


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
