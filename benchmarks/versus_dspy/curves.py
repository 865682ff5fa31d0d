"""Held-out accuracy against calls and against the clock, drawn from a results file."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.versus_dspy.record import OURS, PACKAGE, Comparison, RunRecord

_POINTS = 80
_COLORS = {PACKAGE: "C0", OURS: "C3"}
_LINES = {"light": ":", "medium": "--", "heavy": "-"}
# Without these every drawing of the same figures would be another file.
mpl.rcParams["svg.hashsalt"] = "ray_promptopt"
mpl.rcParams["svg.fonttype"] = "none"
_METADATA = {"Date": None, "Creator": None}

Read = Callable[[RunRecord, float], float]


def draw(comparison: Comparison, task: str, path: Path) -> None:
    """Two panels; a line is the mean over the seeds of a contestant at a size."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    by_calls, by_clock = figure.subplots(1, 2, sharey=True)
    runs = [run for run in comparison.runs if run.task == task and run.size in _LINES]
    most = max(run.calls for run in runs)
    longest_s = max(run.wall_s for run in runs)
    calls = np.linspace(0, most, _POINTS)
    seconds = np.geomspace(longest_s / 100, longest_s, _POINTS)
    for size in _LINES:
        for name in (PACKAGE, OURS):
            same = [run for run in runs if (run.size, run.contestant) == (size, name)]
            if same:
                label = f"{name}, {size}"
                _line(by_calls, calls, same, RunRecord.held_out_after, label)
                _line(by_clock, seconds, same, RunRecord.held_out_at, label)
    by_calls.set_xlabel("calls of both models")
    by_calls.set_ylabel("held-out accuracy")
    by_clock.set_xlabel("seconds (logarithmic)")
    by_clock.set_xscale("log")
    by_clock.legend(loc="upper left", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata=_METADATA)


def _line(
    axes: Axes,
    x: np.ndarray[tuple[int], np.dtype[np.float64]],
    runs: Sequence[RunRecord],
    read: Read,
    label: str,
) -> None:
    mean = [float(np.mean([read(run, float(at)) for run in runs])) for at in x]
    color, line = _COLORS[runs[0].contestant], _LINES[runs[0].size]
    axes.plot(x, mean, drawstyle="steps-post", label=label, color=color, linestyle=line)
