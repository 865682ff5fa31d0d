"""Both contestants on one task with one seed: the package at a size, then ours at as many calls."""

from benchmarks.versus.held_out import accuracy
from benchmarks.versus.model_server import WRITER, Latencies
from benchmarks.versus.problem import TASKS, Problem
from benchmarks.versus_dspy.calls import Calls, Clock
from benchmarks.versus_dspy.ours import Done, search_with_ours
from benchmarks.versus_dspy.record import OURS, PACKAGE, Answer, Best, RunRecord, Setting

PACKAGE_SIZES = ("light", "medium", "heavy")
OURS_ALONE = ("96", "300")
"""Rollouts of runs without the package, whose smallest size takes more."""


def run_size(task: str, size: str, seed: int, setting: Setting) -> list[RunRecord]:
    """The runs of one size."""
    problem = TASKS[task].draw(seed, TASKS[task].sizes)
    if size in OURS_ALONE:
        done = _ours(problem, setting, seed, int(size))
        return [_record(task, size, OURS, seed, setting, done)]
    theirs = _package(problem, setting, size, seed)
    ours = _ours_within(problem, setting, seed, theirs)
    return [
        _record(task, size, name, seed, setting, done)
        for name, done in ((PACKAGE, theirs), (OURS, ours))
    ]


def _package(problem: Problem, setting: Setting, size: str, seed: int) -> Done:
    # The package is there for this benchmark alone.
    from benchmarks.versus_dspy.package import compile_with_package

    clock = Clock(setting.max_concurrent)
    calls = Calls(_latencies(setting).settings(seed), clock)
    answers = compile_with_package(problem, calls, setting.policy_model, size=size, seed=seed)
    writing = calls.counts[WRITER]
    return Done(clock.now_s, calls.total - writing, writing, clock.busy_s, answers)


def _ours_within(problem: Problem, setting: Setting, seed: int, theirs: Done) -> Done:
    """As many calls as the package made, or fewer: where ours writes more, it rolls out less."""
    rollouts = theirs.policy_calls
    while True:
        done = _ours(problem, setting, seed, rollouts)
        if done.calls <= theirs.calls:
            return done
        rollouts -= done.calls - theirs.calls


def _ours(problem: Problem, setting: Setting, seed: int, rollouts: int) -> Done:
    return search_with_ours(
        problem,
        _latencies(setting),
        setting.policy_model,
        setting.max_concurrent,
        rollouts=rollouts,
        seed=seed,
    )


def _latencies(setting: Setting) -> Latencies:
    return Latencies(setting.policy_median_s, setting.meta_median_s, setting.latency_sigma)


def _record(
    task: str, size: str, contestant: str, seed: int, setting: Setting, done: Done
) -> RunRecord:
    baseline = Answer(0.0, 0, TASKS[task].draw(seed, TASKS[task].sizes).task.instruction)
    bests = tuple(
        Best(round(a.at_s, 3), a.calls, accuracy(task, a.text, setting.policy_model))
        for a in (baseline, *done.answers)
    )
    return RunRecord(
        task=task,
        size=size,
        contestant=contestant,
        seed=seed,
        wall_s=round(done.wall_s, 3),
        policy_calls=done.policy_calls,
        meta_calls=done.meta_calls,
        mean_in_flight=round(done.busy_s / done.wall_s, 2),
        bests=bests,
    )
