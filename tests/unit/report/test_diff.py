import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.report.diff import diff_html

TEXTS = st.text(alphabet="ab <>&\n", max_size=60)


def test_diff_when_lines_are_appended_then_the_first_line_is_untouched() -> None:
    assert diff_html("Be brief.", "Be brief.\nThink.") == "Be brief.\n<ins>Think.\n</ins>"


def test_diff_when_words_of_a_line_change_then_marks_those_words() -> None:
    diff = diff_html("Answer the question in one word.", "Answer the question in two words.")
    assert diff == "Answer the question in<del> one word.</del><ins> two words.</ins>\n"


def test_diff_when_words_are_not_asked_for_then_marks_whole_lines() -> None:
    assert diff_html("a b", "a c", words=False) == "<del>a b\n</del><ins>a c\n</ins>"


def test_diff_when_text_holds_markup_then_escapes_it() -> None:
    assert diff_html("", "<b>&") == "<ins>&lt;b&gt;&amp;</ins>\n"


@given(before=TEXTS, after=TEXTS)
def test_diff_whatever_the_texts_then_without_the_removed_it_reads_as_the_new_one(
    before: str, after: str
) -> None:
    kept = re.sub(r"<del>.*?</del>", "", diff_html(before, after), flags=re.DOTALL)
    assert unescape(re.sub(r"</?ins>", "", kept)) == f"{after}\n"
