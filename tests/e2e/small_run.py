"""A run of a few dozen rollouts on the shipped intents, and what must hold of its journal."""

from pathlib import Path

from ray_promptopt.config.dump import config_from_json
from ray_promptopt.core.ids import RunId, WorkId
from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.work import Purpose
from ray_promptopt.runs.optimizers import build_optimizer, num_baseline_rollouts
from ray_promptopt.runs.recovery import (
    RecordedOptimizer,
    learned_baseline,
    replay,
    search_outcomes,
)
from ray_promptopt.store.events import Decided, Event, RolloutFinished, SearchEnded, outcome_id
from ray_promptopt.store.journal import RunStore, sqlite_url
from ray_promptopt.store.run_view import SEARCH_PURPOSES, RunView, load_view

BUDGET = 90
NUM_TEST_SEEDS = 12


def write_config(
    folder: Path, *, gateway: str = "", execution: str = "", latency_s: float = 0.05
) -> Path:
    """`gateway` and `execution` are bodies of those tables. Every model answer takes a while, so
    that something is always in flight."""
    path = folder / "small.toml"
    path.write_text(f"""
[prompt_learning]
algorithm = "gepa"
task_app_id = "intents"
rng_seed = 7

[prompt_learning.env_config]
train_split = "train"
validation_split = "validation"
test_split = "test"

[prompt_learning.policy]
provider = "embedded"
model = "embedded/reader-nano"

[prompt_learning.embedded]
policy_latency_s = {latency_s}

[prompt_learning.gateway]
{gateway}

[prompt_learning.execution]
{execution}

[prompt_learning.gepa.rollout]
budget = {BUDGET}
minibatch_size = 4
max_concurrent = 4

[prompt_learning.gepa.mutation]
llm_provider = "embedded"
llm_model = "embedded/writer"

[prompt_learning.gepa.evaluation]
seeds = {{ start = 0, end = 24 }}
validation_seeds = {{ start = 0, end = 12 }}
test_pool = {{ start = 0, end = {NUM_TEST_SEEDS} }}
""")
    return path


class Journal:
    """The one run of a results folder, read while it runs and after."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self._store = RunStore(sqlite_url(results))

    @property
    def run_id(self) -> RunId:
        """The run's id, once it exists."""
        return self._store.runs()[0].run_id

    def events(self) -> list[Event]:
        """All events so far; none before the run exists."""
        if not self._store.runs():
            return []
        return [stored.event for stored in self._store.events(self.run_id)]

    def exchanges(self, work_id: WorkId) -> tuple[Exchange, ...]:
        """The model calls of a rollout that has counted, as they are stored."""
        trace = self._store.trace(self.run_id, work_id)
        assert trace is not None
        return trace.exchanges

    def view(self) -> RunView:
        """The fold of all events."""
        return load_view(self._store, self.run_id)

    def num_rollouts(self, *purposes: Purpose) -> int:
        """How many rollouts (of these purposes) have counted so far."""
        finished = (event for event in self.events() if isinstance(event, RolloutFinished))
        return sum(not purposes or event.purpose in purposes for event in finished)

    def assert_counted_once_and_in_order(self) -> None:
        """Every work id settled once, the budget exact, and a fresh search that is told the same
        results in the same order decides the same and finds the same best."""
        events = self.events()
        settled = [work_id for work_id in map(outcome_id, events) if work_id is not None]
        assert len(settled) == len(set(settled))
        finished = [event for event in events if isinstance(event, RolloutFinished)]
        held_out = [event for event in finished if event.purpose is Purpose.HELD_OUT]
        ended = [event for event in events if isinstance(event, SearchEnded)]
        assert len(ended) == 1
        view = self.view()
        distinct = 1 if view.best is view.initial else 2
        assert len(held_out) == NUM_TEST_SEEDS * distinct
        config = config_from_json(view.config_json, {})
        baseline = learned_baseline(events)
        assert baseline is not None
        fresh = RecordedOptimizer(build_optimizer(config, baseline.initial_candidate()))
        replay(fresh, search_outcomes(events))
        decided = [event.decision for event in events if isinstance(event, Decided)]
        assert decided == fresh.decisions(0)
        assert ended[0].best == fresh.counts().best == view.best_id
        assert ended[0].reason == fresh.stop_reason()
        used = fresh.counts().rollouts_used + num_baseline_rollouts(config)
        counted = sum(event.purpose in SEARCH_PURPOSES for event in finished)
        assert used == counted == view.search_rollouts <= BUDGET
