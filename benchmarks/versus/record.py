"""What is written down of one run, and the results file of a whole comparison."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from benchmarks.results_file import versions_of

SAMPLE_EVERY = 10
"""Every how many rollouts the clock is written down."""


class RunKey(NamedTuple):
    """Which run it is."""

    task: str
    seed: int
    contestant: str


@dataclass(frozen=True, slots=True)
class Best:
    """A new best: when, after how many rollouts, and how good on held-out rows."""

    at_s: float
    rollouts: int
    held_out: float


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One contestant on one task with one seed. All rollouts and calls are counted.

    `clock_s` holds the seconds after every `SAMPLE_EVERY` rollouts; `cpu_s` is what contestant and
    models computed; `start_up_s` comes before the clock.
    """

    task: str
    contestant: str
    seed: int
    wall_s: float
    rollouts: int
    policy_calls: int
    reflection_calls: int
    mean_in_flight: float
    cpu_s: float
    stop_reason: str
    final_words: int
    bests: tuple[Best, ...]
    clock_s: tuple[float, ...]
    start_up_s: float = 0.0

    @property
    def key(self) -> RunKey:
        """Which run it is."""
        return RunKey(self.task, self.seed, self.contestant)

    def held_out_after(self, rollouts: int) -> float:
        """Held-out accuracy of the best known after so many rollouts; the first one before it."""
        known = [best.held_out for best in self.bests if best.rollouts <= rollouts]
        return known[-1] if known else self.bests[0].held_out

    def held_out_at(self, at_s: float) -> float:
        """Held-out accuracy of the best known at this time; the first one before it."""
        known = [best.held_out for best in self.bests if best.at_s <= at_s]
        return known[-1] if known else self.bests[0].held_out

    def mean_held_out(self, rollouts: int) -> float:
        """Mean of the curve up to so many rollouts: how good, how early."""
        steps = range(SAMPLE_EVERY, rollouts + 1, SAMPLE_EVERY)
        return sum(self.held_out_after(step) for step in steps) / len(steps)

    def seconds_to(self, rollouts: int) -> float:
        """When so many rollouts were done; the end of the run when it made fewer."""
        place = rollouts // SAMPLE_EVERY - 1
        return self.clock_s[place] if place < len(self.clock_s) else self.wall_s

    def seconds_to_accuracy(self, held_out: float) -> float | None:
        """When the best was first at least so good; None: never."""
        return next((best.at_s for best in self.bests if best.held_out >= held_out), None)


@dataclass(frozen=True, slots=True)
class Setting:
    """What was the same for all contestants of a comparison; `seeds` are paired.

    Not `over_http`: the models are called in the contestant's process, and time is simulated.
    """

    seeds: tuple[int, ...]
    rollout_budget: int
    minibatch_size: int
    max_concurrent: int
    policy_model: str
    policy_median_s: float
    reflection_median_s: float
    latency_sigma: float
    over_http: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A results file; `skipped` names the tasks that were left out, and why."""

    setting: Setting
    versions: dict[str, str]
    skipped: dict[str, str]
    runs: tuple[RunRecord, ...]

    def tasks(self) -> list[str]:
        """The tasks that were run."""
        return list(dict.fromkeys(run.task for run in self.runs))

    def contestants(self) -> list[str]:
        """Who took part."""
        return list(dict.fromkeys(run.contestant for run in self.runs))

    def of(self, task: str, contestant: str) -> dict[int, RunRecord]:
        """The runs of one contestant by seed."""
        return {
            run.seed: run for run in self.runs if (run.task, run.contestant) == (task, contestant)
        }


_ADAPTER = TypeAdapter(Comparison)


def versions() -> dict[str, str]:
    """Of everything that a figure may depend on."""
    return versions_of("ray-promptopt", "gepa", "numpy", "aiohttp", "ray")


def load(path: Path) -> Comparison:
    """Read a results file."""
    return _ADAPTER.validate_json(path.read_text(encoding="utf-8"))
