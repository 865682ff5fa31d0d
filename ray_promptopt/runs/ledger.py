"""The run's budgets in one place: rollouts, tokens, USD and wall clock. Pure.

Reserve before work is sent out, settle when it is back. Tokens and USD of a call are not known
before it ends: the mean so far is reserved, so that many calls in flight do not overshoot together.
"""

from dataclasses import dataclass, field

from ray_promptopt.core.budget import Budget
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.usage import Spend


@dataclass(frozen=True, slots=True)
class RunLimits:
    """None: no limit of that kind."""

    rollouts: int
    tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None


@dataclass
class BudgetLedger:
    """What is spent and what is promised. A rollout is charged when it is scored, once."""

    limits: RunLimits
    rollouts: Budget = field(init=False)
    tokens: Budget = field(init=False)
    cost_usd: Budget = field(init=False)
    calls: int = 0
    _held: dict[WorkId, tuple[int, float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rollouts = Budget(self.limits.rollouts)
        self.tokens = Budget(self.limits.tokens)
        self.cost_usd = Budget(self.limits.cost_usd)

    def restore(self, rollouts: int, spend: Spend) -> None:
        """Start from what the journal says was used."""
        self.rollouts.spent += rollouts
        self._spend(spend)

    def try_reserve(self, work_id: WorkId, *, is_rollout: bool) -> bool:
        """Set aside one rollout, if it is one, and the mean cost of a call."""
        calls = max(1, self.calls)
        wanted = (
            1 if is_rollout else 0,
            self.tokens.spent / calls,
            self.cost_usd.spent / calls,
        )
        budgets = (self.rollouts, self.tokens, self.cost_usd)
        for number, (budget, amount) in enumerate(zip(budgets, wanted, strict=True)):
            if not budget.try_reserve(amount):
                for earlier, held in zip(budgets[:number], wanted, strict=False):
                    earlier.release(held)
                return False
        self._held[work_id] = wanted
        return True

    def settle(self, work_id: WorkId, *, counted: bool, spend: Spend) -> None:
        """The item is back: its rollout counts or is given back, its spend is spent."""
        rollout, tokens, cost = self._held.pop(work_id)
        self.rollouts.commit(rollout, rollout if counted else 0)
        self.tokens.release(tokens)
        self.cost_usd.release(cost)
        self._spend(spend)

    def charge(self, spend: Spend) -> None:
        """Spend of an attempt that failed; its item stays reserved for the next attempt."""
        self._spend(spend)

    def exhausted(self, elapsed_s: float) -> str | None:
        """Why nothing more may be started, in words that name the limit; None while it may."""
        limits = self.limits
        if limits.tokens is not None and self.tokens.spent >= limits.tokens:
            return self._words("token", self.tokens, "tokens")
        if limits.cost_usd is not None and self.cost_usd.spent >= limits.cost_usd:
            return self._words("cost", self.cost_usd, "USD")
        if limits.seconds is not None and elapsed_s >= limits.seconds:
            return f"time budget: {elapsed_s:.0f} of {limits.seconds:g} s used"
        return None

    def shortage(self) -> str:
        """Which budget does not pay for one more call, in words."""
        calls = max(1, self.calls)
        if self.tokens.remaining < self.tokens.spent / calls:
            return self._words("token", self.tokens, "tokens")
        if self.cost_usd.remaining < self.cost_usd.spent / calls:
            return self._words("cost", self.cost_usd, "USD")
        return self._words("rollout", self.rollouts, "rollouts")

    def _words(self, name: str, budget: Budget, unit: str) -> str:
        return f"{name} budget: {budget.spent:.6g} of {budget.limit or 0:.6g} {unit} used"

    def _spend(self, spend: Spend) -> None:
        self.calls += spend.calls
        self.tokens.spent += spend.usage.total_tokens
        self.cost_usd.spent += spend.cost_usd
