from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.algorithms.gepa.proposers.diffs import compact_diff
from ray_promptopt.algorithms.gepa.proposers.evidence import render_examples, worst_first
from ray_promptopt.algorithms.gepa.proposers.gepa_ai import render_example
from ray_promptopt.algorithms.gepa.proposers.requests import ReflectiveExample
from ray_promptopt.algorithms.wording import cut_middle
from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.work import Evidence

WORDS = st.text(st.sampled_from("ab \n"), max_size=3000)
EXAMPLE = st.builds(
    ReflectiveExample,
    st.builds(Evidence, WORDS, WORDS, WORDS),
    st.sampled_from([0.0, 0.5, 1.0]),
)


def example(name: str, score: float, feedback: str = "", chars: int = 0) -> ReflectiveExample:
    return ReflectiveExample(Evidence(name + "x" * chars, "out", feedback), score)


@given(st.lists(EXAMPLE, max_size=6), st.integers(0, 3000), st.booleans())
def test_examples_when_rendered_never_exceed_the_budget(
    examples: list[ReflectiveExample], budget_tokens: int, keeps_order: bool
) -> None:
    text = render_examples(examples, render_example, budget_tokens, keeps_order=keeps_order)
    assert estimate_tokens(text) <= budget_tokens


@given(st.lists(EXAMPLE, min_size=1, max_size=6))
def test_examples_when_two_are_shown_include_a_right_one_if_any_exists(
    examples: list[ReflectiveExample],
) -> None:
    text = render_examples(examples, render_example, 700)
    shown = text.count("This response got a score of ")
    assert shown >= 1
    if shown > 1 and any(e.score == 1.0 for e in examples):
        assert "This response got a score of 1." in text


def test_examples_are_ranked_by_score_then_by_how_much_the_feedback_says() -> None:
    ranked = worst_first(
        [example("a", 1.0), example("b", 0.0), example("c", 0.0, "why"), example("d", 0.5)]
    )
    assert [e.evidence.inputs for e in ranked] == ["c", "b", "d", "a"]


def test_examples_when_kept_in_order_are_so_only_while_all_fit() -> None:
    examples = [example("right", 1.0), example("wrong", 0.0, chars=9000)]
    whole = render_examples(examples, render_example, 5000, keeps_order=True)
    cut = render_examples(examples, render_example, 500, keeps_order=True)
    assert whole.index("right") < whole.index("wrong")
    assert cut.index("wrong") < cut.index("right")
    assert "characters cut" in cut


def test_examples_when_cut_lose_the_longest_fields_alone() -> None:
    examples = [example("long", 0.0, "the feedback", chars=9000), example("short", 1.0)]
    text = render_examples(examples, render_example, 400)
    assert "the feedback" in text
    assert "short" in text
    assert 1500 < len(text) <= 1600


def test_cut_text_keeps_both_ends_and_says_how_much_is_gone() -> None:
    cut = cut_middle("a" * 50 + "b" * 50, 60)
    assert cut == "a" * 17 + " [… 66 characters cut …] " + "b" * 17
    assert cut_middle("abc", 3) == "abc"


@given(st.text(max_size=200), st.integers(0, 100))
def test_cut_text_is_never_longer_than_asked(text: str, max_chars: int) -> None:
    assert len(cut_middle(text, max_chars)) <= max_chars


def test_diff_shows_changed_lines_alone() -> None:
    assert compact_diff("a\nb\nc", "a\nB\nc\nd") == "- b\n+ B\n+ d"
    assert compact_diff("a", "a\n") == ""


def test_diff_of_a_long_line_shows_the_changed_place_when_trimmed() -> None:
    old = f"First: {'x ' * 200}old{' y' * 200}"
    new = old.replace("old", "new")
    removed, added = compact_diff(old, new, trims_lines=True).split("\n")
    assert removed.startswith("- First: x")
    assert "x x old y y" in removed
    assert "x x new y y" in added
    assert len(added) < 260
    assert compact_diff(old, new) == f"- {old}\n+ {new}"
