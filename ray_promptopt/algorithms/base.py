"""The contract of an algorithm: what to do next, what came of it, and why it ended.

Invariants, checked by one contract suite over every algorithm:
- what is asked depends on the order of the tells alone; `capacity` only limits how much of what
  is ready is handed out at once, so replaying a journal gives the same asks;
- outcomes may come in any order, and one that was told before is ignored;
- the rollouts asked for never exceed the budget the optimizer was made with.
"""

from collections.abc import Mapping
from typing import Protocol

from ray_promptopt.core.work import Decision, Outcome, SearchCounts, SearchView, WorkItem


class Optimizer(Protocol):
    """A search over prompts. One process owns it; nothing in it waits."""

    def ask(self, capacity: int) -> list[WorkItem]:
        """Up to `capacity` items that are ready and were not handed out before."""
        ...

    def tell(self, outcome: Outcome) -> list[Decision]:
        """Take an outcome in; returns what the algorithm did because of it."""
        ...

    def stop_reason(self) -> str | None:
        """Why the search is over, in words; None while it goes on."""
        ...

    def counts(self) -> SearchCounts:
        """Where the search stands; its cost does not grow with the number of scores."""
        ...

    def view(self) -> SearchView:
        """The state of the search, for people; its cost grows with candidates times examples."""
        ...

    def state_dict(self) -> dict[str, object]:
        """The whole state as JSON-compatible values."""
        ...

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Continue from `state_dict()`; items that were handed out unanswered are asked again."""
        ...
