import pytest

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import Demo

DEMO = Demo("card lost", "lost_card")
TEXTS = {"system": "Pick a label for {query}."}


def test_id_when_there_are_no_demonstrations_is_that_of_the_texts_alone() -> None:
    assert Candidate.of(TEXTS).id == "b56b85cfc056eb57"
    assert Candidate.of(TEXTS, {}).id == Candidate.of(TEXTS, {"main": ()}).id
    assert Candidate.of(TEXTS, {"main": ()}) == Candidate.of(TEXTS)


def test_id_when_demonstrations_differ_differs() -> None:
    other = Demo("card lost", "lost_or_stolen_card")
    sets = [(), (DEMO,), (other,), (DEMO, other), (other, DEMO)]
    assert len({Candidate.of(TEXTS, {"main": chosen}).id for chosen in sets}) == len(sets)
    assert Candidate.of(TEXTS, {"a": (DEMO,)}).id != Candidate.of(TEXTS, {"b": (DEMO,)}).id


def test_candidate_when_a_text_changes_keeps_its_demonstrations() -> None:
    candidate = Candidate.of(TEXTS, {"main": (DEMO,)})
    child = candidate.with_texts({"system": "Choose for {query}."})
    assert child.demos == candidate.demos
    with pytest.raises(KeyError, match="component"):
        candidate.with_texts({"user": "x"})
