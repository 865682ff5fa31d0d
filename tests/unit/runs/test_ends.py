"""Every limit ends a run cleanly, says so, and is not overshot, whatever the schedule."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from ray_promptopt.core.work import DecisionKind, EvaluateCandidate, Purpose
from ray_promptopt.store.run_view import RunStatus, RunView, load_view
from tests.fakes.landscape import Landscape
from tests.fakes.world import CALL, REFLECTION, RUN, World, config

SCHEDULES = pytest.mark.parametrize("schedule", ["async", "reference"])


def ended(
    folder: Path,
    schedule: str,
    *,
    seconds_per_attempt: float = 0.0,
    num_lessons: int = 6,
    population: dict[str, int] | None = None,
    termination_config: Mapping[str, object] | None = None,
) -> RunView:
    """The view of a run that came to its end."""
    gepa: dict[str, object] = {
        "schedule": schedule,
        "rollout": {"budget": 400, "minibatch_size": 3, "max_concurrent": 4},
        "evaluation": {
            "train_seeds": list(range(12)),
            "validation_seeds": list(range(20, 26)),
            "test_pool": list(range(40, 44)),
        },
    }
    if population is not None:
        gepa["population"] = population
    world = World(
        folder,
        config=config(gepa=gepa, termination_config=termination_config or {}),
        landscape=Landscape(num_lessons),
    )

    def pass_time(item: EvaluateCandidate, attempt: int) -> None:
        world.now_s += seconds_per_attempt

    world.fault = pass_time
    world.create()
    assert asyncio.run(world.coordinator().run()) is RunStatus.SUCCEEDED
    view = load_view(world.store, RUN)
    assert view.rollouts_by_purpose[Purpose.HELD_OUT] in (4, 8)  # the baseline may be the best
    return view


@SCHEDULES
def test_rollouts_when_they_are_limited_end_the_search(tmp_path: Path, schedule: str) -> None:
    view = ended(tmp_path, schedule, termination_config={"max_rollouts": 60})
    assert view.reason.startswith("rollout budget: ")
    assert 40 < view.search_rollouts <= 60


@SCHEDULES
def test_usd_when_they_are_limited_pay_for_the_held_out_evaluation_too(
    tmp_path: Path, schedule: str
) -> None:
    view = ended(tmp_path, schedule, termination_config={"max_cost_usd": 0.1})
    assert view.reason.startswith("cost budget: ")
    assert "kept for the held-out evaluation" in view.reason
    assert 0.05 < view.spend.cost_usd <= 0.1


@SCHEDULES
def test_tokens_when_they_are_limited_are_not_overshot(tmp_path: Path, schedule: str) -> None:
    view = ended(tmp_path, schedule, termination_config={"max_tokens": 9000})
    assert view.reason.startswith("token budget: ")
    assert 5000 < view.spend.usage.total_tokens <= 9000


@SCHEDULES
@pytest.mark.parametrize(("category", "limit"), [("rollout", 0.06), ("mutation", 0.035)])
def test_usd_of_one_category_when_they_are_limited_end_the_search(
    tmp_path: Path, schedule: str, category: str, limit: float
) -> None:
    costs = {"max_category_costs_usd": {category: limit}}
    view = ended(tmp_path, schedule, termination_config=costs)
    assert view.reason.startswith(f"{category} cost budget: ")
    rollouts = view.policy_spend.cost_usd + view.held_out_spend.cost_usd
    spent = {"rollout": rollouts, "mutation": view.reflection_spend.cost_usd}[category]
    one = {"rollout": CALL, "mutation": REFLECTION}[category].cost_usd
    assert limit / 2 - one <= spent <= limit


@SCHEDULES
@pytest.mark.parametrize("name", ["max_seconds", "max_time_seconds"])
def test_wall_clock_when_it_is_limited_ends_the_search(
    tmp_path: Path, schedule: str, name: str
) -> None:
    view = ended(tmp_path, schedule, seconds_per_attempt=1.0, termination_config={name: 50})
    assert view.reason.startswith("time budget: 5")
    assert view.search_rollouts <= 50 + 4


@SCHEDULES
def test_trials_when_they_are_limited_are_not_overshot(tmp_path: Path, schedule: str) -> None:
    view = ended(tmp_path, schedule, termination_config={"max_trials": 4})
    assert view.reason == "max proposals: 4 of 4 made"


@SCHEDULES
def test_generations_when_they_are_given_are_so_many_children(
    tmp_path: Path, schedule: str
) -> None:
    population = {"num_generations": 2, "children_per_generation": 3}
    view = ended(tmp_path, schedule, population=population)
    assert view.reason == "max proposals: 6 of 6 made"


@SCHEDULES
def test_trials_without_improvement_when_limited_end_the_search(
    tmp_path: Path, schedule: str
) -> None:
    """Of 24 lessons, training teaches twelve, and validation asks for two of them."""
    limit = {"max_trials_without_improvement": 2}
    view = ended(tmp_path, schedule, num_lessons=24, termination_config=limit)
    assert view.reason.startswith("patience: ")
    assert view.reason.endswith("proposals in a row brought no new best")


@SCHEDULES
def test_generations_without_improvement_when_limited_end_the_search(
    tmp_path: Path, schedule: str
) -> None:
    population = {"num_generations": 50, "children_per_generation": 2, "patience_generations": 2}
    view = ended(tmp_path, schedule, num_lessons=24, population=population)
    assert view.reason.startswith("patience: ")


def test_held_out_seeds_when_several_candidates_are_wanted_score_the_best_of_them(
    tmp_path: Path,
) -> None:
    view = ended_with_top(tmp_path, 3)
    scored = {
        decision.candidate.id: decision.score or 0.0
        for decision in view.decisions
        if decision.kind is DecisionKind.CANDIDATE_SCORED and decision.candidate
    }
    measured = {key for key, record in view.candidates.items() if record.held_out}
    top = sorted(scored, key=lambda key: -scored[key])[:3]
    assert len(scored) > 3
    assert measured >= {view.initial_id, view.best_id}
    assert min(scored[key] for key in measured - {view.initial_id}) >= scored[top[-1]]
    assert len(measured) == 4
    assert all(len(view.candidates[key].held_out) == 6 for key in measured)


def ended_with_top(folder: Path, top_k: int) -> RunView:
    world = World(folder, config=config(validation_top_k=top_k))
    world.create()
    assert asyncio.run(world.coordinator().run()) is RunStatus.SUCCEEDED
    return load_view(world.store, RUN)
