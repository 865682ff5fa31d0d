"""Held-out accuracy against rollouts and against the clock, drawn from a results file."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.versus.record import Comparison, RunRecord

_POINTS = 80
_RESAMPLES = 1000
# Without these every drawing of the same figures would be another file.
mpl.rcParams["svg.hashsalt"] = "ray_promptopt"
mpl.rcParams["svg.fonttype"] = "none"
_METADATA = {"Date": None, "Creator": None}


class _Style(NamedTuple):
    label: str
    color: str


def draw(comparison: Comparison, task: str, path: Path) -> None:
    """Two panels; each line is a mean over seeds, with a 95 % bootstrap band."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    by_rollouts, by_clock = figure.subplots(1, 2, sharey=True)
    longest_s = max(run.wall_s for run in comparison.runs if run.task == task)
    rollouts = np.linspace(0, comparison.setting.rollout_budget, _POINTS)
    seconds = np.geomspace(max(longest_s / 100, 0.01), longest_s, _POINTS)
    for place, name in enumerate(comparison.contestants()):
        runs = list(comparison.of(task, name).values())
        if not runs:
            continue
        style = _Style(name, f"C{place}")
        _line(by_rollouts, rollouts, [_after(run, rollouts) for run in runs], style)
        _line(by_clock, seconds, [_at(run, seconds) for run in runs], style)
    by_rollouts.set_xlabel("rollouts")
    by_rollouts.set_ylabel("held-out accuracy")
    by_clock.set_xlabel("seconds (logarithmic)")
    by_clock.set_xscale("log")
    by_clock.legend(loc="lower right", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata=_METADATA)


def _after(run: RunRecord, rollouts: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    return [run.held_out_after(int(count)) for count in rollouts]


def _at(run: RunRecord, seconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    return [run.held_out_at(float(at_s)) for at_s in seconds]


def _line(
    axes: Axes,
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    curves: Sequence[Sequence[float]],
    style: _Style,
) -> None:
    values = np.asarray(curves)
    draws = np.random.default_rng(0).integers(0, len(values), size=(_RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975], axis=0)
    axes.plot(x, values.mean(axis=0), drawstyle="steps-post", label=style.label, color=style.color)
    axes.fill_between(x, low, high, step="post", alpha=0.12, color=style.color)
