"""The schedules that are compared, by name. A new one is one line."""

from collections.abc import Callable
from functools import partial

from benchmarks.simulation.engine import Searcher
from benchmarks.simulation.pxn import PxnSearch
from ray_promptopt.algorithms.gepa import AsyncGepaOptimizer, GepaOptimizer, GepaSettings
from ray_promptopt.core.candidate import Candidate

Schedule = Callable[[GepaSettings, Candidate], Searcher]

BASELINE = "reference"

SCHEDULES: dict[str, Schedule] = {
    BASELINE: GepaOptimizer,
    "async": AsyncGepaOptimizer,
    "independent-8": partial(PxnSearch, parents=8, proposals=1),
    "pxn-2x2": partial(PxnSearch, parents=2, proposals=2),
    "pxn-2x4": partial(PxnSearch, parents=2, proposals=4),
}
