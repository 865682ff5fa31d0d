"""The report's own part for MIPRO, made from what a journal holds."""

import re

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.ids import CandidateId
from ray_promptopt.core.work import DecisionKind
from ray_promptopt.prompts.demonstrations import demos_as_text
from ray_promptopt.report.combinations import combinations_section
from ray_promptopt.report.mipro import beliefs, beliefs_section, choices, trials_figure
from ray_promptopt.report.page import render_report
from ray_promptopt.store.run_view import CurvePoint, Fate, RunView
from tests.fakes.run_views import HOSTILE, add_candidate, empty_view, finished_view, outcome

SHOWN = demos_as_text([Demo("Where is my parcel?", "track")])


def combined(instruction: str, demos: str) -> str:
    return f"{instruction}\n\n{demos}" if demos else instruction


def searched_view() -> RunView:
    """Two instructions with and without demonstrations; the second instruction is the better."""
    view = empty_view()
    scores = {("A.", ""): 0.25, ("A.", SHOWN): 0.3, ("B.", ""): 0.6, ("B.", SHOWN): 0.8}
    for (instruction, demos), score in scores.items():
        add_candidate(view, combined(instruction, demos), score=score)
    return view


def test_a_choice_is_judged_by_every_trial_that_used_it() -> None:
    found = {(b.variable, b.number): b for b in beliefs(searched_view())}
    first, second = (found["instruction: system", number] for number in (0, 1))
    assert (first.trials, first.scores, second.trials, second.scores) == (2, 12, 2, 12)
    assert (round(first.mean, 3), round(second.mean, 3)) == (0.275, 0.7)
    assert (second.good, second.bad) == (1.0, 1 / 3)
    assert (first.in_best, second.in_best) == (False, True)


def test_demonstrations_in_the_text_are_a_choice_of_their_own() -> None:
    in_text = Candidate.of({"system": combined("A.", SHOWN)})
    assert choices(in_text) == {"instruction: system": "A.", "demonstrations": SHOWN}
    beside = Candidate.of({"system": "A."}, {"main": (Demo("q", "a"),)})
    assert choices(beside)["instruction: system"] == "A."
    assert "main" in choices(beside)["demonstrations"]
    assert choices(Candidate.of({"system": "A."}))["demonstrations"] == ""


def test_a_combination_is_drawn_hollow_first_and_filled_when_it_has_more_seeds() -> None:
    view = searched_view()
    again = CandidateId(view.curve[1].candidate_id or "")
    point = CurvePoint(30, 0.0, DecisionKind.CANDIDATE_SCORED, again, 0.4, 0.8)
    assert 'class="mark accepted"' not in trials_figure(view)
    view.curve.append(point)
    drawn = trials_figure(view)
    assert drawn.count('class="mark accepted"') == 1
    assert drawn.count('class="mark dominated"') == 3


def test_a_score_of_another_trial_while_the_best_is_being_scored_moves_no_line() -> None:
    view = searched_view()
    before = trials_figure(view).split("<polyline")[1].split("/>")[0]
    other = CandidateId(view.curve[1].candidate_id or "")
    scored = DecisionKind.CANDIDATE_SCORED
    view.curve.append(CurvePoint(view.search_rollouts, 0.0, scored, other, 0.4, 0.1))
    assert trials_figure(view).split("<polyline")[1].split("/>")[0] == before


def test_a_run_without_trials_has_no_figure_and_no_table() -> None:
    view = empty_view()
    assert trials_figure(view) == ""
    assert beliefs_section(view) == ""
    assert combinations_section(view) == ""


def test_a_trial_that_was_dropped_counts_too() -> None:
    view = searched_view()
    record = add_candidate(view, "C.", score=None)
    record.validation = {20: outcome(0.0)}
    assert record.fate is Fate.REJECTED
    assert [b.trials for b in beliefs(view) if b.text == "C."] == [1]


def test_texts_of_choices_are_escaped() -> None:
    view = searched_view()
    add_candidate(view, HOSTILE, score=0.1)
    assert "<img src=x" not in beliefs_section(view)


def test_every_combination_names_its_choices_who_wrote_it_and_from_whom() -> None:
    view = searched_view()
    baseline, *_, last = view.candidates.values()
    child = add_candidate(view, combined("C.", SHOWN), score=0.9, parents=(last.candidate.id,))
    child.message = "trial 4: instruction+demos, system by proposal 2 of round 1 <Warn>"
    head, *rows = combinations_section(view).split("<tr>")[1:]
    assert "instruction: system" in head
    assert "demonstrations" in head
    numbers = [re.findall(r'<td class="n">([^<]*)</td>', row) for row in rows]
    expected = [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1"), ("2", "1")]
    assert [(row[1], row[2]) for row in numbers] == expected
    assert numbers[-1] == ["4", "2", "1", "6", "0.900"]
    assert "proposal 2 of round 1 &lt;Warn&gt;" in rows[-1]
    assert f'href="#c-{last.candidate.id}"' in rows[-1]
    assert "(best)" in rows[-1]
    assert "(best)" not in rows[0]
    assert f'href="#c-{baseline.candidate.id}"' in rows[0]


def test_the_page_of_a_mipro_run_shows_trials_and_beliefs_and_that_of_gepa_does_not() -> None:
    view = finished_view()
    assert 'id="beliefs"' not in render_report(view)
    assert 'id="combinations"' not in render_report(view)
    view.config_json = view.config_json.replace('"algorithm": "gepa"', '"algorithm": "mipro"')
    page = render_report(view)
    assert 'id="beliefs"' in page
    assert 'id="combinations"' in page
    assert 'id="trials"' in page
