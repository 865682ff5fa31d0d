"""What every algorithm promises behind the Optimizer protocol (see algorithms/base.py)."""

import json
import random
import re
from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_promptopt.algorithms.base import Optimizer
from ray_promptopt.algorithms.gepa import AsyncGepaOptimizer, GepaOptimizer, GepaSettings
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.algorithms.mipro import MiproOptimizer, MiproSettings, UpdateSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import JournalError
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.work import (
    DecisionKind,
    EvaluateCandidate,
    FailedOutcome,
    Outcome,
    ProposalOutcome,
    ProposeText,
    Purpose,
    RolloutOutcome,
    WorkItem,
)
from tests.fakes.landscape import Landscape, run_search

BUDGET = 150
INITIAL = Candidate.of({"answer": "Answer {query}.", "classify": "Pick a label."})

Factory = Callable[[], Optimizer]


def gepa_reference() -> Optimizer:
    settings = GepaSettings(tuple(range(10)), tuple(range(20, 32)), BUDGET, rng_seed=3)
    return GepaOptimizer(settings, INITIAL)


def gepa_merging() -> Optimizer:
    settings = GepaSettings(
        tuple(range(7)),
        tuple(range(20, 30)),
        BUDGET,
        rng_seed=5,
        candidate_selector="epsilon_greedy",
        epsilon=0.5,
        merge=True,
    )
    return GepaOptimizer(settings, INITIAL)


def gepa_objectives() -> Optimizer:
    settings = GepaSettings(
        tuple(range(10)),
        tuple(range(20, 32)),
        BUDGET,
        rng_seed=4,
        front="cartesian",
        objectives=("reward", "prompt_tokens", "cost", "latency"),
        pareto_eps=1e-6,
        selection_pressure=2.0,
        archive_size=3,
    )
    return GepaOptimizer(settings, INITIAL)


def gepa_async() -> Optimizer:
    settings = GepaSettings(
        tuple(range(10)),
        tuple(range(20, 44)),
        BUDGET,
        rng_seed=3,
        lanes=LaneSettings(max_concurrent=8, num_variants=2),
    )
    return AsyncGepaOptimizer(settings, INITIAL)


def gepa_async_merging() -> Optimizer:
    settings = GepaSettings(
        tuple(range(7)),
        tuple(range(20, 30)),
        BUDGET,
        rng_seed=5,
        candidate_selector="epsilon_greedy",
        epsilon=0.5,
        merge=True,
        lanes=LaneSettings(max_concurrent=20, racing=False),
    )
    return AsyncGepaOptimizer(settings, INITIAL)


def mipro_reference() -> Optimizer:
    settings = MiproSettings(
        tuple(range(10)),
        tuple(range(20, 32)),
        BUDGET,
        rng_seed=3,
        schedule="reference",
        update=UpdateSettings(every_trials=4),
    )
    return MiproOptimizer(settings, INITIAL)


def mipro_async() -> Optimizer:
    settings = MiproSettings(
        tuple(range(10)),
        tuple(range(20, 32)),
        BUDGET,
        rng_seed=3,
        max_concurrent=30,
        update=UpdateSettings(every_trials=4),
        top_k=2,
    )
    return MiproOptimizer(settings, INITIAL)


BARRIERS: dict[str, Factory] = {
    "gepa": gepa_reference,
    "gepa-merge": gepa_merging,
    "gepa-objectives": gepa_objectives,
    "mipro": mipro_reference,
}
FACTORIES: dict[str, Factory] = {
    **BARRIERS,
    "gepa-async": gepa_async,
    "gepa-async-merge": gepa_async_merging,
    "mipro-async": mipro_async,
}


@pytest.fixture(params=FACTORIES, scope="module")
def make(request: pytest.FixtureRequest) -> Factory:
    return FACTORIES[request.param]


def through_json(optimizer: Optimizer) -> dict[str, object]:
    state: dict[str, object] = json.loads(json.dumps(optimizer.state_dict(), allow_nan=False))
    return state


def ask_all(optimizer: Optimizer) -> list[WorkItem]:
    return list(iter_asks(optimizer, 1000))


def by_id(items: list[WorkItem]) -> dict[WorkId, WorkItem]:
    return {item.work_id: item for item in items}


def open_items(optimizer: Optimizer) -> list[WorkItem]:
    """All that is open, handed out or not."""
    copy = deepcopy(optimizer)
    copy.load_state_dict(through_json(optimizer))
    return ask_all(copy)


def iter_asks(optimizer: Optimizer, capacity: int) -> Iterator[WorkItem]:
    while items := optimizer.ask(capacity):
        yield from items


def test_search_when_driven_to_its_end_improves_and_says_why_it_stopped(make: Factory) -> None:
    optimizer = make()
    _, decisions = run_search(optimizer, Landscape())
    view = optimizer.view()
    first, best = (
        view.candidates[0],
        next(c for c in view.candidates if c.candidate.id == view.counts.best),
    )
    assert first.candidate == INITIAL
    assert first.validation_mean == 0.0
    assert best.validation_mean is not None
    assert best.validation_mean >= 0.5
    assert optimizer.stop_reason()
    assert optimizer.ask(10) == []
    assert [d.message for d in decisions if d.kind is DecisionKind.STOPPED] == [
        optimizer.stop_reason()
    ]


def test_view_when_search_ended_counts_the_rollouts_that_were_scored(make: Factory) -> None:
    optimizer, landscape = make(), Landscape()
    run_search(optimizer, landscape)
    view = optimizer.view()
    assert view.counts == optimizer.counts()
    assert view.counts.rollouts_used == landscape.num_rollouts <= BUDGET
    assert view.counts.in_flight == 0
    on_front = [c.candidate.id for c in view.candidates if c.on_front]
    assert list(view.counts.front) == on_front != []


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_asks_when_capacity_is_small_follow_from_the_tells_alone(
    make: Factory, capacity: int
) -> None:
    narrow, wide, landscape = make(), make(), Landscape()
    asked_of_wide: list[WorkItem] = []
    asked_of_narrow: list[WorkItem] = []
    while narrow.stop_reason() is None:
        items = narrow.ask(capacity)
        asked_of_narrow += items
        for item in items:
            outcome = landscape.answer(item)
            asked_of_wide += ask_all(wide)
            assert narrow.tell(outcome) == wide.tell(outcome)
    assert sorted(i.work_id for i in asked_of_narrow) == sorted(i.work_id for i in asked_of_wide)
    assert through_json(narrow) == through_json(wide)


def test_ask_when_capacity_is_zero_hands_out_nothing(make: Factory) -> None:
    assert make().ask(0) == []


def test_ask_when_repeated_never_hands_out_an_item_twice(make: Factory) -> None:
    optimizer, landscape = make(), Landscape()
    seen: set[WorkId] = set()
    while optimizer.stop_reason() is None:
        for item in optimizer.ask(4):
            assert item.work_id not in seen
            seen.add(item.work_id)
            optimizer.tell(landscape.answer(item))


def test_replay_of_the_journal_when_nothing_was_asked_gives_the_same_asks(make: Factory) -> None:
    journal, decisions = run_search(make(), Landscape())
    for length in range(0, len(journal), 7):
        original, replayed = make(), make()
        for outcome in journal[:length]:
            ask_all(original)
            original.tell(outcome)
        repeated = [d for outcome in journal[:length] for d in replayed.tell(outcome)]
        assert repeated == decisions[: len(repeated)]
        assert through_json(replayed) == through_json(original)
        assert by_id(ask_all(replayed)) == by_id(open_items(original))


def test_state_dict_when_loaded_at_every_step_continues_identically(make: Factory) -> None:
    original, landscape = make(), Landscape(lost=lambda item: hash_of(item) % 11 == 0)
    handed_out: dict[WorkId, WorkItem] = {}
    while original.stop_reason() is None:
        handed_out |= {item.work_id: item for item in original.ask(3)}
        copy = make()
        copy.load_state_dict(through_json(original))
        assert through_json(copy) == through_json(original)
        asked_again = ask_all(copy)
        for item in handed_out.values():
            assert item in asked_again
        item = handed_out.pop(next(reversed(handed_out)))
        outcome = landscape.answer(item)
        assert copy.tell(outcome) == original.tell(outcome)
        assert through_json(copy) == through_json(original)
        assert copy.stop_reason() == original.stop_reason()


def test_state_when_of_another_run_is_refused_by_name(make: Factory) -> None:
    state = through_json(make())
    for key, other, shown in (
        ("format", "other-1", "format other-1"),
        ("initial", "c0ffee", "initial candidate c0ffee"),
        ("train", [5], "train seeds"),
        ("validation", [5], "validation seeds"),
        ("rng_seed", 99, "rng_seed 99"),
    ):
        with pytest.raises(JournalError, match=f"another run: it has {shown}"):
            make().load_state_dict({**state, key: other})


def test_state_when_damaged_is_refused(make: Factory) -> None:
    state = through_json(make())
    own = state["search"]
    assert isinstance(own, dict)
    damaged = [without(state, key) for key in state]
    damaged += [{**state, "search": without(own, key)} for key in own]
    for broken in damaged:
        with pytest.raises(JournalError, match="cannot be read"):
            make().load_state_dict(broken)


def without(values: dict[str, object], left_out: str) -> dict[str, object]:
    return {key: value for key, value in values.items() if key != left_out}


def hash_of(item: WorkItem) -> int:
    return sum(ord(char) for char in item.work_id)


def test_search_when_interrupted_at_every_step_ends_as_the_uninterrupted(make: Factory) -> None:
    uninterrupted, interrupted, landscape = make(), make(), Landscape()
    while interrupted.stop_reason() is None:
        for item in interrupted.ask(2)[:1]:
            outcome = landscape.answer(item)
            assert uninterrupted.tell(outcome) == interrupted.tell(outcome)
        resumed = make()
        resumed.load_state_dict(through_json(interrupted))
        interrupted = resumed
    assert sorted_state(interrupted) == sorted_state(uninterrupted)
    assert interrupted.stop_reason() == uninterrupted.stop_reason()


def sorted_state(optimizer: Optimizer) -> str:
    return json.dumps(optimizer.state_dict(), sort_keys=True)


def test_tell_when_id_was_never_asked_is_refused(make: Factory) -> None:
    with pytest.raises(ValueError, match="never asked"):
        make().tell(FailedOutcome(WorkId("i99.nothing"), "lost"))


def test_tell_when_outcome_was_told_before_changes_nothing(make: Factory) -> None:
    once, twice, landscape = make(), make(), Landscape()
    while once.stop_reason() is None:
        outcome = landscape.answer(once.ask(1)[0])
        twice.ask(1)
        assert once.tell(outcome) == twice.tell(outcome)
        assert twice.tell(outcome) == []
        assert twice.tell(FailedOutcome(outcome.work_id, "late")) == []
        assert twice.view() == once.view()


def test_tell_when_outcome_is_of_the_wrong_kind_or_not_finite_is_refused(make: Factory) -> None:
    optimizer = make()
    item = optimizer.ask(1)[0]
    assert isinstance(item, EvaluateCandidate)
    before = through_json(optimizer)
    with pytest.raises(ValueError, match="does not answer"):
        optimizer.tell(ProposalOutcome(item.work_id, "```\ntext\n```"))
    scored = Landscape().answer(item)
    assert isinstance(scored, RolloutOutcome)
    with pytest.raises(ValueError, match="finite"):
        optimizer.tell(RolloutOutcome(item.work_id, float("nan"), scored.evidence))
    assert through_json(optimizer) == before


def test_search_when_everything_is_lost_ends_and_costs_nothing(make: Factory) -> None:
    optimizer = make()
    run_search(optimizer, Landscape(lost=lambda item: True))
    assert "connection refused" in str(optimizer.stop_reason())
    assert optimizer.counts().rollouts_used == 0


def test_outcome_when_the_search_is_over_is_noted_and_nothing_follows(make: Factory) -> None:
    optimizer, landscape = make(), Landscape()
    items = ask_all(optimizer)
    initial = [item for item in items if item.purpose is Purpose.INITIAL_VALIDATION]
    beside = [item for item in items if item not in initial]
    for item in initial:
        optimizer.tell(FailedOutcome(item.work_id, "connection refused"))
    assert optimizer.stop_reason()
    for item in beside:
        assert optimizer.tell(landscape.answer(item)) == []
    assert optimizer.counts().in_flight == 0
    assert optimizer.counts().rollouts_used == landscape.num_rollouts
    assert optimizer.ask(99) == []


def test_search_when_the_task_app_dies_after_the_start_ends(make: Factory) -> None:
    optimizer = make()
    run_search(
        optimizer, Landscape(lost=lambda item: item.purpose is not Purpose.INITIAL_VALIDATION)
    )
    assert "lost every rollout" in str(optimizer.stop_reason())


def test_search_when_every_model_call_is_lost_ends(make: Factory) -> None:
    optimizer = make()
    run_search(optimizer, Landscape(lost=lambda item: isinstance(item, ProposeText)))
    assert re.search("rollout budget|nothing left to try", str(optimizer.stop_reason()))
    assert len(optimizer.view().candidates) == 1


@pytest.mark.parametrize("name", FACTORIES)
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.5]))
def test_search_when_order_losses_and_scores_are_arbitrary_ends_within_its_budget(
    name: str, seed: int, loss: float
) -> None:
    optimizer, rng = FACTORIES[name](), random.Random(seed)
    waiting: list[WorkItem] = []
    rollouts = asked_and_open = 0
    for _ in range(5000):
        new = optimizer.ask(rng.randint(0, 8) if waiting else 8)
        waiting += new
        asked_and_open += sum(isinstance(item, EvaluateCandidate) for item in new)
        assert rollouts + asked_and_open <= BUDGET
        if not waiting:
            break
        item = waiting.pop(rng.randrange(len(waiting)))
        outcome = arbitrary_outcome(item, rng.random, loss)
        if isinstance(item, EvaluateCandidate):
            asked_and_open -= 1
            rollouts += isinstance(outcome, RolloutOutcome)
        optimizer.tell(outcome)
    assert optimizer.stop_reason()
    assert optimizer.counts().rollouts_used == rollouts <= BUDGET


def arbitrary_outcome(item: WorkItem, draw: Callable[[], float], loss: float) -> Outcome:
    if draw() < loss:
        return FailedOutcome(item.work_id, "lost")
    if isinstance(item, ProposeText):
        text = f"```\n{{query}} {draw()}\n```" if draw() < 0.8 else "no fence"
        return ProposalOutcome(item.work_id, text, truncated=draw() < 0.1)
    answer = Landscape().answer(item)
    assert isinstance(answer, RolloutOutcome)
    return RolloutOutcome(item.work_id, round(draw(), 1), answer.evidence)


@pytest.mark.parametrize("name", BARRIERS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_asks_when_a_stage_is_answered_in_any_order_are_the_same(name: str, seed: int) -> None:
    straight, shuffled = FACTORIES[name](), FACTORIES[name]()
    landscape = Landscape()
    rng = random.Random(seed)
    while straight.stop_reason() is None:
        items, others = ask_all(straight), ask_all(shuffled)
        assert others == items
        rng.shuffle(others)
        for item, other in zip(items, others, strict=True):
            straight.tell(landscape.answer(item))
            shuffled.tell(landscape.answer(other))
    assert sorted_state(shuffled) == sorted_state(straight)
