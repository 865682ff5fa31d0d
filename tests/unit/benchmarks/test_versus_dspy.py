"""What the comparison with `dspy` counts and claims, without the package itself."""

from pathlib import Path

import pytest

from benchmarks.versus.model_server import Latencies
from benchmarks.versus_dspy.calls import Calls, Clock
from benchmarks.versus_dspy.page import section
from benchmarks.versus_dspy.record import OURS, PACKAGE, Best, Comparison, RunRecord, Setting
from benchmarks.versus_dspy.summary import heads, small_against_large

SEEDS = tuple(range(8))


def run(size: str, contestant: str, seed: int, held_out: float, wall_s: float) -> RunRecord:
    bests = (Best(0.0, 0, 0.3), Best(wall_s / 2, 50, held_out))
    return RunRecord("intents", size, contestant, seed, wall_s, 90, 10, 5.0, bests)


def comparison() -> Comparison:
    setting = Setting(SEEDS, 16, "embedded/reader-nano", 0.2, 1.4, 0.3)
    runs = [
        one
        for seed in SEEDS
        for one in (
            run("96", OURS, seed, 0.4, 5.0),
            run("300", OURS, seed, 0.43, 8.0),
            run("light", PACKAGE, seed, 0.31 + seed / 1000, 40.0),
            run("light", OURS, seed, 0.41, 10.0),
        )
    ]
    return Comparison(setting, {"python": "3"}, {"banking77": "no data"}, tuple(runs))


def test_single_calls_follow_upon_each_other_and_those_of_an_evaluation_share_the_lanes() -> None:
    clock = Clock(lanes=2)
    clock.spend(1.0)
    clock.spend(2.0)
    clock.begin_side_by_side()
    for seconds in (4.0, 1.0, 1.0, 1.0):
        clock.spend(seconds)
    clock.end_side_by_side()
    assert clock.now_s == 3.0 + 4.0
    assert clock.busy_s == 10.0


def test_an_answer_that_the_cache_knows_costs_no_call_and_no_time() -> None:
    calls = Calls(Latencies(0.2, 1.4, 0.3).settings(0), Clock(lanes=1))
    body = {
        "model": "embedded/reader-nano",
        "messages": [{"role": "user", "content": "Where is my parcel?"}],
        "temperature": 0.0,
    }
    first = calls.complete(body)
    after_s = calls.clock.now_s
    assert calls.complete(body) == first
    assert (calls.total, calls.clock.now_s) == (1, after_s)
    assert after_s > 0


def test_accuracy_is_compared_as_a_difference_and_time_as_a_ratio() -> None:
    (head,) = heads(comparison(), "intents")
    assert head.held_out is not None
    assert head.held_out.difference == pytest.approx(0.0965)
    assert head.times_faster is not None
    assert 2.718281828**head.times_faster.difference == pytest.approx(4.0)


def test_few_rollouts_are_compared_with_many_of_the_same_seeds() -> None:
    compared = small_against_large(comparison(), "intents", "96", "300")
    assert compared is not None
    assert compared.difference == pytest.approx(0.03)


def test_the_page_says_what_was_not_reached_and_what_was_left_out(tmp_path: Path) -> None:
    page = section(comparison(), tmp_path)
    assert "+3.0 (+3.0 to +3.0) points: not within 1 point" in page
    assert "| light | +9.6" in page
    assert "4.00 (4.00 to 4.00)" in page
    assert "banking77 was left out: no data" in page
    assert (tmp_path / "images" / "mipro-intents.svg").exists()
