import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.core.budget import Budget
from ray_promptopt.core.errors import BudgetError
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.usage import NO_SPEND, Spend, Usage
from ray_promptopt.runs.ledger import BudgetLedger, Category, RunLimits, Spent

CALL = Spend(Usage(100, 10), 0.01, 1)
ONE = {Category.ROLLOUT: Spent(1, CALL)}


def step() -> st.SearchStrategy[tuple[str, int]]:
    kinds = ["reserve", "reserve a proposal", "count", "lose", "fail an attempt"]
    return st.tuples(st.sampled_from(kinds), st.integers(0, 50))


@given(
    limit=st.integers(0, 12),
    restored=st.integers(0, 5),
    steps=st.lists(step(), max_size=120),
)
def test_rollouts_when_reserved_counted_and_lost_in_any_order_then_never_overshoot(
    limit: int, restored: int, steps: list[tuple[str, int]]
) -> None:
    ledger = BudgetLedger(RunLimits(rollouts=limit + restored))
    ledger.restore(restored, {})
    held: list[tuple[WorkId, bool]] = []
    counted = restored
    spent = NO_SPEND
    by_kind = dict.fromkeys(Category, NO_SPEND)
    for number, (kind, choice) in enumerate(steps):
        if kind.startswith("reserve"):
            is_rollout = kind == "reserve"
            promised = sum(rollout for _, rollout in held)
            fits = not is_rollout or counted + promised < limit + restored
            work_id = WorkId(f"w{number}")
            category = Category.ROLLOUT if is_rollout else Category.MUTATION
            assert ledger.try_reserve(work_id, category, counts=True) == fits
            if fits:
                held.append((work_id, is_rollout))
        elif held and kind in ("count", "lose"):
            work_id, is_rollout = held.pop(choice % len(held))
            spend = CALL if kind == "count" else NO_SPEND
            ledger.settle(work_id, counted=kind == "count", spend=spend)
            counted += is_rollout and kind == "count"
            spent += spend
            by_kind[Category.ROLLOUT if is_rollout else Category.MUTATION] += spend
        elif held:
            work_id, is_rollout = held[choice % len(held)]
            ledger.charge(work_id, CALL)
            spent += CALL
            by_kind[Category.ROLLOUT if is_rollout else Category.MUTATION] += CALL
        assert ledger.rollouts.spent == counted
        assert ledger.rollouts.spent + ledger.rollouts.reserved <= limit + restored
        assert ledger.tokens.spent == spent.usage.total_tokens
        assert ledger.cost_usd.spent == pytest.approx(spent.cost_usd)
        assert ledger.spends == by_kind
    for work_id, _ in held:
        ledger.settle(work_id, counted=False, spend=NO_SPEND)
    assert ledger.rollouts.reserved == 0
    assert ledger.cost_usd.reserved == pytest.approx(0.0)


@given(num_calls=st.integers(1, 60), limit_usd=st.floats(0.005, 0.5), concurrent=st.integers(1, 16))
def test_cost_when_calls_cost_the_same_then_overshoots_by_less_than_the_first_ones_in_flight(
    num_calls: int, limit_usd: float, concurrent: int
) -> None:
    ledger = BudgetLedger(RunLimits(rollouts=1000, cost_usd=limit_usd))
    ledger.restore(1, ONE)
    in_flight: list[WorkId] = []
    for number in range(num_calls):
        work_id = WorkId(str(number))
        if ledger.try_reserve(work_id, Category.ROLLOUT, counts=True):
            in_flight.append(work_id)
        if in_flight and (len(in_flight) == concurrent or number % 3 == 0):
            ledger.settle(in_flight.pop(0), counted=True, spend=CALL)
    for work_id in in_flight:
        ledger.settle(work_id, counted=True, spend=CALL)
    assert ledger.cost_usd.spent <= max(limit_usd, CALL.cost_usd) + 1e-9


def test_reservation_when_one_budget_cannot_pay_then_none_is_touched() -> None:
    ledger = BudgetLedger(RunLimits(rollouts=5, tokens=150))
    ledger.restore(1, ONE)
    assert not ledger.try_reserve(WorkId("w"), Category.ROLLOUT, counts=True)
    assert ledger.rollouts.reserved == 0
    assert "token budget: 110 of 150" in ledger.shortage


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (RunLimits(10, tokens=110), "token budget: 110 of 110 tokens used"),
        (RunLimits(10, cost_usd=0.01), "cost budget: 0.01 of 0.01 USD used"),
        (RunLimits(10, seconds=60.0), "time budget: 61 of 60 s used"),
        (RunLimits(10), None),
    ],
)
def test_limit_when_reached_then_is_named(limits: RunLimits, words: str | None) -> None:
    ledger = BudgetLedger(limits)
    ledger.restore(1, ONE)
    assert ledger.exhausted(61.0) == words


def test_budget_when_more_is_released_than_held_then_raises() -> None:
    budget = Budget(3)
    assert budget.try_reserve(2)
    with pytest.raises(BudgetError):
        budget.release(2.5)


def test_cost_when_unknown_then_one_goes_out_at_a_time() -> None:
    ledger = BudgetLedger(RunLimits(rollouts=10, cost_usd=0.035))
    assert ledger.try_reserve(WorkId("a"), Category.ROLLOUT, counts=True)
    assert not ledger.try_reserve(WorkId("b"), Category.ROLLOUT, counts=True)
    assert ledger.try_reserve(WorkId("c"), Category.MUTATION, counts=True)
    ledger.settle(WorkId("a"), counted=True, spend=CALL)
    assert ledger.try_reserve(WorkId("b"), Category.ROLLOUT, counts=True)
    assert ledger.try_reserve(WorkId("d"), Category.ROLLOUT, counts=True)
    assert not ledger.try_reserve(WorkId("e"), Category.ROLLOUT, counts=True)


def test_category_when_its_own_limit_is_reached_then_it_alone_is_refused_and_named() -> None:
    ledger = BudgetLedger(RunLimits(rollouts=10, category_usd={"mutation": 0.015}))
    ledger.restore(1, {Category.ROLLOUT: Spent(1, CALL), Category.MUTATION: Spent(1, CALL)})
    assert ledger.try_reserve(WorkId("a"), Category.ROLLOUT, counts=True)
    assert not ledger.try_reserve(WorkId("b"), Category.MUTATION, counts=True)
    assert ledger.shortage == "mutation cost budget: 0.01 of 0.015 USD used"
    assert ledger.exhausted(0.0) is None
    ledger.restore(0, {Category.MUTATION: Spent(1, CALL)})
    assert ledger.exhausted(0.0) == "mutation cost budget: 0.02 of 0.015 USD used"


def test_held_out_evaluation_when_it_is_to_come_then_its_cost_is_kept_from_the_search() -> None:
    ledger = BudgetLedger(RunLimits(rollouts=10, cost_usd=0.055), held_out_left=2)
    ledger.restore(1, ONE)
    for number in range(2):
        assert ledger.try_reserve(WorkId(str(number)), Category.ROLLOUT, counts=True)
    assert not ledger.try_reserve(WorkId("2"), Category.ROLLOUT, counts=True)
    assert ledger.shortage == (
        "cost budget: 0.01 of 0.055 USD used, 0.02 kept for the held-out evaluation"
    )
    assert ledger.try_reserve(WorkId("held-out"), Category.ROLLOUT, counts=False)


def test_held_out_evaluation_when_it_is_dear_then_half_a_budget_is_left_for_the_search() -> None:
    ledger = BudgetLedger(RunLimits(rollouts=10, cost_usd=0.05), held_out_left=1000)
    ledger.restore(1, ONE)
    assert ledger.try_reserve(WorkId("a"), Category.ROLLOUT, counts=True)
