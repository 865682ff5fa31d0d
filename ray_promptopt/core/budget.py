"""Reserve first, then commit or release: spent plus promised never pass the limit."""

from dataclasses import dataclass

from ray_promptopt.core.errors import BudgetError


@dataclass
class Budget:
    """One limited quantity (rollouts, tokens, USD). `limit` None means unlimited."""

    limit: float | None = None
    spent: float = 0.0
    reserved: float = 0.0

    @property
    def remaining(self) -> float:
        """What can still be reserved; infinite when there is no limit."""
        return float("inf") if self.limit is None else self.limit - self.spent - self.reserved

    def try_reserve(self, amount: float) -> bool:
        """Set `amount` aside when it fits; False, and nothing changed, when it does not."""
        if amount > self.remaining:
            return False
        self.reserved += amount
        return True

    def commit(self, reserved: float, used: float) -> None:
        """Turn a reservation into what was really used (which may differ for tokens and USD)."""
        self.release(reserved)
        self.spent += used

    def release(self, amount: float) -> None:
        """Give back a reservation. Raises BudgetError when more is given back than is held."""
        if amount > self.reserved + 1e-9:
            raise BudgetError(f"released {amount} but only {self.reserved} was reserved")
        self.reserved = max(0.0, self.reserved - amount)
