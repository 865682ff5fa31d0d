"""What a comparison reads off raw runs, and what it may claim."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.results_file import save
from benchmarks.versus.record import Best, Comparison, RunRecord, Setting, load
from benchmarks.versus.summary import difference, measures, standings, verdict

SETTING = Setting(
    seeds=(0, 1, 2, 3, 4, 5),
    rollout_budget=100,
    minibatch_size=3,
    max_concurrent=4,
    policy_model="embedded/reader-nano",
    policy_median_s=0.2,
    reflection_median_s=1.4,
    latency_sigma=0.3,
    over_http=False,
)


def _run(contestant: str, seed: int, final: float, seconds: float) -> RunRecord:
    """A run of 120 rollouts at an even pace; its last best comes after the budget is used up."""
    bests = (Best(1.0, 10, 0.2), Best(seconds / 2, 60, final), Best(seconds * 1.1, 110, 0.99))
    return RunRecord(
        task="intents",
        contestant=contestant,
        seed=seed,
        wall_s=seconds * 1.2,
        rollouts=120,
        policy_calls=120,
        reflection_calls=5,
        mean_in_flight=3.0,
        cpu_s=0.2,
        stop_reason="budget",
        final_words=40,
        bests=bests,
        clock_s=tuple(seconds * step / 10 for step in range(1, 13)),
    )


def _comparison(gains: tuple[float, ...]) -> Comparison:
    lanes = [_run("gepa 1", seed, 0.5, 40.0) for seed in SETTING.seeds]
    ours = [
        _run("ours async", seed, 0.5 + gain, 10.0)
        for seed, gain in zip(SETTING.seeds, gains, strict=True)
    ]
    return Comparison(SETTING, {"python": "3"}, {}, (*lanes, *ours))


def test_best_found_after_the_budget_counts_for_nothing() -> None:
    run = _run("gepa 1", 0, 0.5, 40.0)
    assert measures(_comparison((0,) * 6))["final"](run) == 0.5
    assert run.bests[-1].held_out == 0.99


def test_curve_holds_a_best_until_the_next_one() -> None:
    run = _run("gepa 1", 0, 0.5, 40.0)
    assert [run.held_out_after(count) for count in (0, 59, 60, 109, 110)] == [
        0.2, 0.2, 0.5, 0.5, 0.99,
    ]  # fmt: skip
    assert [run.held_out_at(at_s) for at_s in (0.5, 19.9, 20.0)] == [0.2, 0.2, 0.5]
    # Five of the ten steps up to 100 rollouts are at 0.2, five at 0.5.
    assert run.mean_held_out(100) == pytest.approx(0.35)


def test_clock_is_read_at_the_same_number_of_rollouts_for_all() -> None:
    run = _run("gepa 1", 0, 0.5, 40.0)
    assert run.seconds_to(90) == 36.0
    short = replace(run, clock_s=run.clock_s[:5], wall_s=21.0)
    assert short.seconds_to(90) == 21.0


def test_difference_that_some_seeds_contradict_when_judged_then_cannot_be_told() -> None:
    compared = difference(
        _comparison((0.1, -0.1, 0.05, -0.02, 0.0, 0.01)), "intents", *_PAIR, "final"
    )
    assert verdict(compared) == "cannot tell"


def test_difference_on_every_seed_when_judged_then_has_its_direction() -> None:
    gains = (0.1, 0.12, 0.05, 0.08, 0.1, 0.07)
    assert verdict(difference(_comparison(gains), "intents", *_PAIR, "final")) == "higher"
    losses = tuple(-gain for gain in gains)
    assert verdict(difference(_comparison(losses), "intents", *_PAIR, "final")) == "lower"


def test_difference_of_few_seeds_when_judged_then_cannot_be_told() -> None:
    whole = _comparison((0.1,) * 6)
    few = replace(whole, runs=tuple(run for run in whole.runs if run.seed < 5))
    assert verdict(difference(few, "intents", *_PAIR, "final")) == "cannot tell"


def test_standings_compare_with_the_single_lane() -> None:
    single, ours = standings(_comparison((0.1,) * 6), "intents")
    assert single.final_difference is None
    assert ours.final == pytest.approx(0.6)
    assert ours.times_faster is not None
    assert 2.718281828**ours.times_faster.difference == pytest.approx(4.0)
    assert ours.seconds_to_single_lane == 5.0


def test_results_file_when_read_again_is_what_was_written(tmp_path: Path) -> None:
    comparison = _comparison((0.1,) * 6)
    save(comparison, tmp_path / "results.json")
    assert load(tmp_path / "results.json") == comparison


_PAIR = ("gepa 1", "ours async")
