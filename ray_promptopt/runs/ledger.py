"""The run's budgets in one place: rollouts, tokens, USD and wall clock. Pure.

Reserve before work is sent out, settle when it is back. Tokens and USD of an item are not known
before it ends: those of the dearest of its kind so far are reserved, and while a limited kind has
never come home, one at a time goes out. So only an item dearer than all before it can overshoot,
by the difference.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

from ray_promptopt.core.budget import Budget
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.usage import NO_SPEND, Spend

_MOST_KEPT = 0.5
"""The largest share of a budget that is kept for the held-out evaluation."""


class Category(StrEnum):
    """What money is spent on."""

    ROLLOUT = "rollout"
    MUTATION = "mutation"


class Spent(NamedTuple):
    """What was used before: how many items came home, and what all of the kind cost."""

    items: int = 0
    spend: Spend = NO_SPEND


@dataclass(frozen=True, slots=True)
class RunLimits:
    """None, or a category left out: no limit of that kind."""

    rollouts: int
    tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    category_usd: Mapping[Literal["rollout", "mutation"], float] = field(default_factory=dict)


class _Limited(NamedTuple):
    """A budget of what is not known beforehand, and its words."""

    budget: Budget
    name: str
    unit: str


class _Held(NamedTuple):
    """What an item in flight has reserved; `amounts` go with the budgets of its category."""

    category: Category
    rollouts: int
    amounts: tuple[float, ...]


@dataclass
class BudgetLedger:
    """What is spent and what is promised. A rollout is charged when it is scored, once.

    `held_out_left`: rollouts on test seeds that tokens and USD are kept for.
    """

    limits: RunLimits
    held_out_left: int = 0
    rollouts: Budget = field(init=False)
    tokens: Budget = field(init=False)
    cost_usd: Budget = field(init=False)
    shortage: str = ""
    """Which budget did not pay for the last item that was refused, in words."""
    spends: dict[Category, Spend] = field(default_factory=lambda: dict.fromkeys(Category, NO_SPEND))
    _by_category: dict[Category, Budget] = field(init=False)
    _dearest: dict[Category, tuple[float, float]] = field(default_factory=dict)
    _held: dict[WorkId, _Held] = field(default_factory=dict)

    def __post_init__(self) -> None:
        limits = self.limits
        self.rollouts = Budget(limits.rollouts)
        self.tokens = Budget(limits.tokens)
        self.cost_usd = Budget(limits.cost_usd)
        self._by_category = {
            Category.ROLLOUT: Budget(limits.category_usd.get("rollout")),
            Category.MUTATION: Budget(limits.category_usd.get("mutation")),
        }

    def restore(self, rollouts: int, before: Mapping[Category, Spent]) -> None:
        """Start from what the journal says was used; the mean stands for the dearest."""
        self.rollouts.spent += rollouts
        for category, (items, spend) in before.items():
            self._spend(category, spend)
            if items:
                mean = (spend.usage.total_tokens / items, spend.cost_usd / items)
                self._dearest[category] = mean

    def try_reserve(self, work_id: WorkId, category: Category, *, counts: bool) -> bool:
        """Set aside what the dearest of its kind has cost, and one rollout if it `counts`.

        What the search spends leaves enough for the held-out evaluation.
        """
        if self._must_wait(category):
            self.shortage = f"the cost of a first {category} is awaited"
            return False
        rollout = 1 if category is Category.ROLLOUT and counts else 0
        if rollout > self.rollouts.remaining:
            self.shortage = self._words(_Limited(self.rollouts, "rollout budget", "rollouts"))
            return False
        is_search = counts or category is Category.MUTATION
        limited, amounts = self._limited(category), self._amounts(category)
        for entry, amount in zip(limited, amounts, strict=True):
            kept = self._kept(entry) if is_search else 0.0
            if entry.budget.limit is not None and amount > entry.budget.remaining - kept:
                self.shortage = self._words(entry)
                return False
        self.rollouts.try_reserve(rollout)
        for entry, amount in zip(limited, amounts, strict=True):
            entry.budget.try_reserve(amount)
        self._held[work_id] = _Held(category, rollout, amounts)
        return True

    def settle(self, work_id: WorkId, *, counted: bool, spend: Spend) -> None:
        """The item is back: its rollout counts or is given back, its spend is spent."""
        category, rollouts, amounts = self._held.pop(work_id)
        self.rollouts.commit(rollouts, rollouts if counted else 0)
        for entry, amount in zip(self._limited(category), amounts, strict=True):
            entry.budget.release(amount)
        self._spend(category, spend)
        if counted:
            tokens, cost_usd = self._dearest.get(category, (0.0, 0.0))
            mine = (max(tokens, spend.usage.total_tokens), max(cost_usd, spend.cost_usd))
            self._dearest[category] = mine

    def charge(self, work_id: WorkId, spend: Spend) -> None:
        """Spend of an attempt that failed; its item stays reserved for the next attempt."""
        self._spend(self._held[work_id].category, spend)

    def exhausted(self, elapsed_s: float) -> str | None:
        """Why nothing more may be started, in words that name the limit; None while it may."""
        for category in Category:
            for entry in self._limited(category):
                limit = entry.budget.limit
                if limit is not None and entry.budget.spent >= limit - self._kept(entry):
                    return self._words(entry)
        seconds = self.limits.seconds
        if seconds is not None and elapsed_s >= seconds:
            return f"time budget: {elapsed_s:.0f} of {seconds:g} s used"
        return None

    def _must_wait(self, category: Category) -> bool:
        is_limited = any(entry.budget.limit is not None for entry in self._limited(category))
        in_flight = Counter(held.category for held in self._held.values())
        return is_limited and category not in self._dearest and in_flight[category] > 0

    def _limited(self, category: Category) -> tuple[_Limited, ...]:
        return (
            _Limited(self.tokens, "token budget", "tokens"),
            _Limited(self.cost_usd, "cost budget", "USD"),
            _Limited(self._by_category[category], f"{category} cost budget", "USD"),
        )

    def _amounts(self, category: Category) -> tuple[float, ...]:
        tokens, cost_usd = self._dearest.get(category, (0.0, 0.0))
        return (tokens, cost_usd, cost_usd)

    def _kept(self, entry: _Limited) -> float:
        """What is kept for the held-out evaluation; the mutations' own budget pays none of it."""
        if entry.budget is self._by_category[Category.MUTATION]:
            return 0.0
        tokens, cost_usd, _ = self._amounts(Category.ROLLOUT)
        one = tokens if entry.unit == "tokens" else cost_usd
        return min(self.held_out_left * one, _MOST_KEPT * (entry.budget.limit or 0.0))

    def _words(self, entry: _Limited) -> str:
        budget, name, unit = entry
        words = f"{name}: {budget.spent:.6g} of {budget.limit or 0:.6g} {unit} used"
        kept = 0.0 if budget is self.rollouts else self._kept(entry)
        return f"{words}, {kept:.6g} kept for the held-out evaluation" if kept else words

    def _spend(self, category: Category, spend: Spend) -> None:
        self.spends[category] += spend
        self.tokens.spent += spend.usage.total_tokens
        self.cost_usd.spent += spend.cost_usd
        self._by_category[category].spent += spend.cost_usd
