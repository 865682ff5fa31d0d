"""What a simulated text is worth."""

from statistics import fmean

import pytest

from benchmarks.simulation.landscape import Landscape, WorldSettings
from benchmarks.simulation.tokens import read_tokens


def all_lessons(landscape: Landscape) -> list[str]:
    return [f"rule{lesson}" for lesson in range(landscape.settings.lessons)]


def test_tokens_are_read_in_the_order_of_their_first_mention() -> None:
    tokens = read_tokens(
        "Use rule3x12, note4 and rule5; rule3x12 again, but not misrule6 or rule7a"
    )
    assert [token.word for token in tokens] == ["rule3x12", "note4", "rule5"]
    assert [token.lesson for token in tokens] == [3, None, 5]
    assert [token.is_broad for token in tokens] == [True, False, False]


def test_an_example_is_right_when_all_lessons_it_needs_are_taught() -> None:
    landscape = Landscape(WorldSettings(lessons=6, needs=2, easy_share=0.0), 1)
    nothing = landscape.effect(["Answer."])
    assert not nothing.right.any()
    row = next(row for row in landscape.train if len(landscape.missing(nothing, row)) == 2)
    first, second = landscape.missing(nothing, row)
    assert not landscape.effect([f"rule{first}"]).right[row]
    assert landscape.effect([f"rule{first} rule{second}"]).right[row]
    assert landscape.held_out_score([" ".join(all_lessons(landscape))]) == 1.0


def test_the_parts_do_not_share_rows_and_need_the_same_lessons_about_as_often() -> None:
    landscape = Landscape(WorldSettings(lessons=3, easy_share=0.0), 1)
    assert not set(landscape.train) & set(landscape.validation)
    assert max(landscape.validation) < landscape.num_rows - landscape.settings.held_out
    effect = landscape.effect(["rule0"])
    assert effect.right[:60].mean() == pytest.approx(1 / 3, abs=0.15)
    assert landscape.held_out_score(["rule0"]) == pytest.approx(1 / 3, abs=0.1)


def test_skew_makes_the_first_lessons_worth_most() -> None:
    landscape = Landscape(WorldSettings(lessons=40, skew=1.0), 1)
    assert landscape.held_out_score(["rule0"]) > 3 * landscape.held_out_score(["rule39"])


def test_a_broad_form_breaks_its_share_of_the_examples_but_none_that_need_it() -> None:
    landscape = Landscape(WorldSettings(lessons=4, easy_share=0.0, breakage=0.3), 1)
    text = " ".join(["rule0x7", *all_lessons(landscape)[1:]])
    effect = landscape.effect([text])
    needing = ~landscape.effect([" ".join(all_lessons(landscape)[1:])]).right
    assert effect.right[needing].all()
    assert 1 - effect.right[~needing].mean() == pytest.approx(0.3, abs=0.06)
    broken = int((~effect.right).argmax())
    assert [token.word for token in landscape.misleading(effect, broken)] == ["rule0x7"]


def test_of_two_lessons_that_contradict_the_later_one_silences_the_earlier() -> None:
    landscape = Landscape(WorldSettings(lessons=2, contradictions=1, easy_share=0.0), 1)
    both, swapped = landscape.effect(["rule0 rule1"]), landscape.effect(["rule1 rule0"])
    assert (both.right == landscape.effect(["rule1"]).right).all()
    assert (swapped.right == landscape.effect(["rule0"]).right).all()


def test_every_token_costs_the_length_price() -> None:
    landscape = Landscape(WorldSettings(length_price=0.01), 1)
    plain = landscape.held_out_score(["Answer."])
    assert landscape.held_out_score(["Answer. note1 note2"]) == pytest.approx(plain - 0.02)


def test_noise_turns_its_share_of_rollouts_and_never_the_truth() -> None:
    landscape = Landscape(WorldSettings(noise=0.1, easy_share=0.0), 1)
    effect = landscape.effect(["Answer."])
    rights = [landscape.rollout_score(effect, 0, f"w{n}")[0] for n in range(2000)]
    assert fmean(rights) == pytest.approx(0.1, abs=0.03)
    assert landscape.held_out_score(["Answer."]) == 0.0
    assert landscape.rollout_score(effect, 0, "w1") == landscape.rollout_score(effect, 0, "w1")
