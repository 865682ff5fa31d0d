"""What is written down of one run, and the results file of a whole comparison."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from benchmarks.results_file import versions_of

PACKAGE = "dspy"
OURS = "ours"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contestant would have given back from this moment on, after so many calls."""

    at_s: float
    calls: int
    text: str


@dataclass(frozen=True, slots=True)
class Best:
    """An answer's accuracy on held-out rows."""

    at_s: float
    calls: int
    held_out: float


class RunKey(NamedTuple):
    """Which run it is."""

    task: str
    size: str
    contestant: str
    seed: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One contestant on one task with one seed. Every call of a model is counted.

    `size`: the package's automatic size, or so many rollouts. `bests` begins with the baseline.
    """

    task: str
    size: str
    contestant: str
    seed: int
    wall_s: float
    policy_calls: int
    meta_calls: int
    mean_in_flight: float
    bests: tuple[Best, ...]

    @property
    def key(self) -> RunKey:
        """Which run it is."""
        return RunKey(self.task, self.size, self.contestant, self.seed)

    @property
    def final(self) -> float:
        """Held-out accuracy of the answer."""
        return self.bests[-1].held_out

    @property
    def calls(self) -> int:
        """Of both models."""
        return self.policy_calls + self.meta_calls

    def held_out_after(self, calls: float) -> float:
        """Held-out accuracy of the best known after so many calls."""
        return [best.held_out for best in self.bests if best.calls <= calls][-1]

    def held_out_at(self, at_s: float) -> float:
        """Held-out accuracy of the best known at this time."""
        return [best.held_out for best in self.bests if best.at_s <= at_s][-1]


@dataclass(frozen=True, slots=True)
class Setting:
    """What was the same for all contestants; `seeds` are paired."""

    seeds: tuple[int, ...]
    max_concurrent: int
    policy_model: str
    policy_median_s: float
    meta_median_s: float
    latency_sigma: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A results file; `skipped` names the tasks that were left out, and why."""

    setting: Setting
    versions: dict[str, str]
    skipped: dict[str, str]
    runs: tuple[RunRecord, ...]

    def of(self, task: str, size: str, contestant: str) -> dict[int, RunRecord]:
        """The runs of one contestant by seed."""
        wanted = (task, size, contestant)
        return {r.seed: r for r in self.runs if (r.task, r.size, r.contestant) == wanted}


_ADAPTER = TypeAdapter(Comparison)


def versions() -> dict[str, str]:
    """Of everything that a figure may depend on."""
    return versions_of("ray-promptopt", "dspy", "optuna", "hyperopt", "numpy")


def load(path: Path) -> Comparison:
    """Read a results file."""
    return _ADAPTER.validate_json(path.read_text(encoding="utf-8"))
