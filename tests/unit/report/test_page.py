import re
from dataclasses import replace

import pytest

from ray_promptopt.report import render_report
from ray_promptopt.store.run_view import RunView
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
    view.decisions.pop()
    row = render_report(view).partition(f'id="c-{open_one.candidate.id}"')[2].partition("</tr>")[0]
    assert "unfinished" in row


def test_page_when_calls_have_no_known_price_then_counts_them() -> None:
    view = finished_view()
    view.policy_spend = replace(view.policy_spend, unpriced_calls=7)
    assert "7 calls unpriced" in render_report(view)
