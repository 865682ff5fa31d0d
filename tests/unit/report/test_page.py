import re
from dataclasses import replace

import pytest

from ray_promptopt.report import render_report
from ray_promptopt.store.run_view import Fate, RunView
from tests.fakes.run_views import add_candidate, empty_view, finished_view


@pytest.mark.parametrize("view", [finished_view(), empty_view()], ids=["finished", "empty"])
def test_page_whatever_the_run_then_loads_nothing_from_elsewhere(view: RunView) -> None:
    page = render_report(view)
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)
    assert "@import" not in page
    assert "url(" not in page


def test_page_when_nothing_better_was_found_then_says_so_and_shows_the_baseline() -> None:
    view = empty_view()
    add_candidate(view, "Be brief.", score=0.5)
    view.search_ended = True
    page = render_report(view)
    assert "No better prompt was found" in page
    assert "Baseline prompt" in page


def test_page_when_candidate_was_neither_accepted_nor_rejected_then_is_unfinished() -> None:
    view = finished_view()
    open_one = add_candidate(view, "Be open.", score=None)
    open_one.fate = Fate.PROPOSED
    row = render_report(view).partition(f'id="c-{open_one.candidate.id}"')[2].partition("</tr>")[0]
    assert "unfinished" in row


def row_of(view: RunView, candidate_id: str) -> str:
    return render_report(view).partition(f'id="c-{candidate_id}"')[2].partition("</tr>")[0]


def test_page_when_lessons_were_merged_then_their_rows_and_the_merges_lead_to_one_another() -> None:
    view = finished_view()
    lesson = add_candidate(view, "Be kind.", score=None)
    lesson.fate = Fate.PASSED
    merged = add_candidate(view, "Be kind. Think first.", score=0.5)
    named = (lesson.candidate.id,)
    view.decisions[-1] = replace(view.decisions[-1], lessons=named)
    merged.lessons = named
    assert "merged into" in row_of(view, lesson.candidate.id)
    assert f'href="#c-{merged.candidate.id}"' in row_of(view, lesson.candidate.id)
    assert f'href="#c-{lesson.candidate.id}"' in row_of(view, merged.candidate.id)
    lineage = render_report(view).partition('id="lineage"')[2].partition("</figure>")[0]
    assert f"#c-{merged.candidate.id}" in lineage
    assert f"#c-{lesson.candidate.id}" not in lineage


def test_page_when_candidate_was_raced_out_then_says_over_how_many_seeds_its_mean_is() -> None:
    view = finished_view()
    lost = add_candidate(view, "Be late.", score=0.1)
    lost.fate = Fate.DISCARDED
    row = row_of(view, lost.candidate.id)
    assert "discarded" in row
    assert "over 6" in row


def test_page_when_calls_have_no_known_price_then_counts_them() -> None:
    view = finished_view()
    view.policy_spend = replace(view.policy_spend, unpriced_calls=7)
    assert "7 calls unpriced" in render_report(view)
