from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ray_promptopt.algorithms.mipro.bootstrap import ScoredRollout
from ray_promptopt.algorithms.mipro.grounding import (
    ProposalRequest,
    TriedInstruction,
    overlap,
    proposal_messages,
    sample_corpus,
    summary_messages,
)
from ray_promptopt.algorithms.mipro.settings import GroundingSettings
from ray_promptopt.algorithms.randomness import stream
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.work import Evidence

REQUEST = ProposalRequest(
    current_text="Pick a label for {query}.",
    required=("{query}",),
    examples=(
        ScoredRollout(1, 1.0, Evidence("right input", "ok", "correct")),
        ScoredRollout(2, 0.0, Evidence("wrong input", "bad", "expected lost_card")),
    ),
    demos=(Demo("shown input", "shown output"),),
    history=(TriedInstruction("Guess.", 0.25),),
    summary="Bank queries.",
    corpus=("a reference row",),
    tip="Be simple.",
)
SETTINGS = GroundingSettings(program="def run(): ...", spec="R1: be kind", guidance="be brief")


def text_of(request: ProposalRequest, settings: GroundingSettings = SETTINGS) -> str:
    return proposal_messages(request, settings)[0].content


def test_proposal_shows_everything_it_is_grounded_in() -> None:
    text = text_of(REQUEST)
    for part in (
        "for me:\n```\nPick a label for {query}.\n```",
        "expected lost_card",
        "score of 0.",
        "shown output",
        "Score 0.250:",
        "<dataset_summary>\nBank queries.",
        "<program_code>\ndef run(): ...",
        "<system_spec>\nR1: be kind",
        "<guidance>\nbe brief",
        "a reference row",
        "Be simple.",
        "exactly as written: {query}",
    ):
        assert part in text
    assert text.index("wrong input") < text.index("right input")


def test_proposal_when_nothing_is_known_shows_no_empty_parts() -> None:
    bare = replace(REQUEST, examples=(), demos=(), history=(), summary="", corpus=(), required=())
    text = text_of(bare, GroundingSettings())
    assert "<" not in text
    assert "# Example" not in text
    assert "\n\n\n" not in text


def test_examples_when_they_do_not_fit_leave_out_the_best_answered() -> None:
    text = text_of(REQUEST, replace(SETTINGS, max_example_tokens=45))
    assert "wrong input" in text
    assert "right input" not in text


def test_summary_is_asked_for_from_inputs_alone() -> None:
    text = summary_messages(REQUEST.examples, ("a reference row",))[0].content
    assert "right input" in text
    assert "a reference row" in text
    assert "expected lost_card" not in text


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=60), max_size=12), st.integers(0, 60))
def test_corpus_sample_never_has_more_tokens_than_allowed(texts: list[str], limit: int) -> None:
    chosen = sample_corpus(texts, limit, stream(1, "corpus", 0))
    assert sum(map(estimate_tokens, chosen)) <= limit
    if sum(map(estimate_tokens, texts)) <= limit:
        assert chosen == tuple(texts)


def test_overlap_counts_what_two_texts_change_and_not_what_they_keep() -> None:
    base = "Answer the question about a bank card in one word."
    assert overlap(f"{base} Be kind.", f"{base} Check spelling.", base) == 0.0
    assert overlap(f"{base} Be kind.", f"{base} be kind!", base) == 1.0
    assert overlap(base, base, base) == 1.0
    assert overlap(base, f"{base} Be kind.", base) == 0.0
