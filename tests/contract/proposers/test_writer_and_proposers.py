"""Every flavour against the embedded writer: it reads the layout, does what is asked, and its
reply passes strict parsing."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ray_promptopt.algorithms.gepa.proposers import (
    PROPOSERS,
    MergeRequest,
    Proposer,
    ProposerSettings,
    ReflectionRequest,
    ReflectiveExample,
    RejectedEdit,
    VerifiedEdit,
    make_proposer,
)
from ray_promptopt.algorithms.parsing import Refusal, parse_reflection
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.work import Evidence
from ray_promptopt.llm.embedded import complete

CURRENT = (
    "Sort the customer's message. Answer with one label.\nQuery: {query}\n\n"
    'Guidance per label:\n- refund_status: cues "money back"'
)
REQUIRED = ("{query}",)
LABELS = "Intents:\n1. delivery_delay\n2. order_tracking\n3. refund_status\n4. cancel_order"
PROGRAM = 'def program(query):\n    """Merge and combine."""\n    return ask("prompt", query)'
SETTINGS: dict[str, ProposerSettings] = {
    **{str(name): ProposerSettings(name, program=PROGRAM) for name in PROPOSERS},
    "metaprompt": ProposerSettings("dspy", guidance="Write for bank clerks."),
    "template": ProposerSettings(template="Rewrite this prompt:\n```\n<curr_param>\n```\n\n"
        "It was used here:\n```\n<side_info>\n```\nWrite a new prompt within ``` blocks."),
    "spec": ProposerSettings("dspy", spec="## Rules\n- must: mention the bank's name\n"
        "- must not: apologise to the customer"),
}  # fmt: skip
FLAVOURS = pytest.mark.parametrize("name", SETTINGS)


def example(text: str, expected: str, answered: str) -> ReflectiveExample:
    right = expected == answered
    feedback = (
        f"Correct: {expected}." if right else f"Incorrect. Expected {expected} but got {answered}."
    )
    return ReflectiveExample(
        Evidence(f"### query\n{text}\n\n{LABELS}", answered, feedback), float(right)
    )


DELAY = example("I have waited for my parcel for two weeks", "delivery_delay", "order_tracking")
CANCEL = example("please stop the purchase before it ships", "cancel_order", "refund_status")
RIGHT = example("where is my money back", "refund_status", "refund_status")


def proposer_of(name: str, max_prompt_tokens: int | None = None) -> Proposer:
    return make_proposer(replace(SETTINGS[name], max_prompt_tokens=max_prompt_tokens))


def asked(
    messages: Sequence[ChatMessage], *, seed: int = 0, temperature: float = 1.0
) -> str | Refusal:
    body = {
        "model": "embedded/writer",
        "temperature": temperature,
        "seed": seed,
        "messages": [{"role": m.role, "content": m.content} for m in messages],
    }
    reply = complete(body)["choices"][0]
    return parse_reflection(
        str(reply["message"]["content"]),
        truncated=reply["finish_reason"] == "length",
        current_text=CURRENT,
        required=REQUIRED,
    )


def written(messages: Sequence[ChatMessage], *, seed: int = 0, temperature: float = 1.0) -> str:
    text = asked(messages, seed=seed, temperature=temperature)
    assert isinstance(text, str), text
    return text


def cues(label: str, text: str) -> list[str]:
    """The cues of the one line that guides this label."""
    lines = [line for line in text.split("\n") if line.startswith(f"- {label}:")]
    assert len(lines) == 1, text
    return re.findall(r'"([^"]+)"', lines[0])


@FLAVOURS
def test_reflection_guides_every_failed_label_and_keeps_what_was_there(name: str) -> None:
    request = ReflectionRequest("system", CURRENT, (RIGHT, DELAY, CANCEL), REQUIRED)
    for seed in range(5):
        text = written(proposer_of(name).reflect(request), seed=seed)
        assert cues("delivery_delay", text)
        assert cues("cancel_order", text)
        assert "money back" in cues("refund_status", text)
        assert text.startswith("Sort the customer's message. Answer with one label.")
        assert "order_tracking:" not in text
        assert "program(" not in text


@FLAVOURS
def test_reflection_when_asked_again_is_still_read(name: str) -> None:
    refusal = "it had no line of ``` before and after the new instructions"
    request = ReflectionRequest("system", CURRENT, (DELAY,), REQUIRED, (), refusal)
    assert cues("delivery_delay", written(proposer_of(name).reflect(request)))


@FLAVOURS
def test_reflection_does_not_write_a_rejected_edit_again(name: str) -> None:
    proposer = proposer_of(name)
    rejected: list[RejectedEdit] = []
    for _ in range(3):
        request = ReflectionRequest("system", CURRENT, (DELAY,), REQUIRED, tuple(rejected))
        text = written(proposer.reflect(request), temperature=0.0)
        assert text not in [edit.text for edit in rejected]
        rejected.append(RejectedEdit(text, 1.0, 1.0, 3, 'took "parcel" from order_tracking'))


@FLAVOURS
def test_merge_of_two_verified_edits_keeps_the_guidance_of_both(name: str) -> None:
    first = CURRENT + ', "refunded"\n- delivery_delay: cues "two weeks", "waited"'
    second = CURRENT + '; not cancel_order\n- cancel_order: cues "stop the purchase"\nBe brief.'
    edits = (
        VerifiedEdit(CURRENT, first, 0.0, 1.0, (DELAY, RIGHT)),
        VerifiedEdit(CURRENT, second, 0.0, 1.0, (CANCEL,)),
    )
    text = written(proposer_of(name).merge(MergeRequest("system", CURRENT, edits, REQUIRED)))
    assert {"two weeks", "waited"} <= set(cues("delivery_delay", text))
    assert "stop the purchase" in cues("cancel_order", text)
    assert cues("refund_status", text) == ["money back", "refunded"]
    assert "not cancel_order" in text
    assert "Be brief." in text
    assert text.count("{query}") == 1


@FLAVOURS
def test_merge_rebases_edits_of_an_earlier_version_onto_the_current_text(name: str) -> None:
    old = CURRENT.replace("Answer with", "Give me").replace('"money back"', '"cash", "money back"')
    new = old.replace('"cash", ', "") + '\n- cancel_order: cues "stop"'
    whole = 'Say the label.\nQuery: {query}\n- delivery_delay: cues "late"'
    current = CURRENT.replace('"money back"', '"cash", "money back"')
    edits = (
        VerifiedEdit(old, new, 0.0, 1.0, (CANCEL,)),
        VerifiedEdit("Other.", whole, 0.0, 1.0, (DELAY,)),
    )
    text = written(proposer_of(name).merge(MergeRequest("system", current, edits, REQUIRED)))
    assert text.startswith("Sort the customer's message.")
    assert cues("refund_status", text) == ["money back"]
    assert cues("cancel_order", text) == ["stop"]
    assert cues("delivery_delay", text) == ["late"]


@FLAVOURS
def test_token_limit_is_kept_in_reflections_and_merges(name: str) -> None:
    many = "\n".join(f'- topic_{n}: cues "alpha {n}", "beta {n}"' for n in range(60))
    long = f"{CURRENT}\n{many}"
    proposer = proposer_of(name, max_prompt_tokens=150)
    request = ReflectionRequest("system", long, (DELAY,), REQUIRED)
    edits = (VerifiedEdit(CURRENT, long, 0.0, 1.0, (DELAY,)),)
    merge = MergeRequest("system", long, edits, REQUIRED)
    for messages in (proposer.reflect(request), proposer.merge(merge)):
        assert estimate_tokens(written(messages)) <= 150


@FLAVOURS
def test_variants_differ_from_each_other_and_keep_what_was_there(name: str) -> None:
    proposer = proposer_of(name)
    texts = [
        written(proposer.variant("system", CURRENT, REQUIRED, n), temperature=0.0)
        for n in range(1, 11)
    ]
    assert len(set(texts)) >= 9
    for text in texts:
        assert "money back" in cues("refund_status", text)
        assert "{query}" in text


def test_spec_rules_are_written_in_and_prohibitions_stay_prohibitions() -> None:
    request = ReflectionRequest("system", CURRENT, (DELAY,), REQUIRED)
    text = written(proposer_of("spec").reflect(request))
    assert "mention the bank's name" in text
    assert "Never: apologise to the customer" in text
