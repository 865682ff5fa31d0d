"""How wide the search goes, and how many lessons land together. Pure arithmetic.

Breadth is bounded by the budget, so that enough rounds of depth remain: lanes that all start from
one text find what the others find (measured in `benchmarks/simulation`).
"""

import math
from dataclasses import dataclass

ROUNDS = 4
"""Rounds (find lessons, land them) that the whole budget should pay for."""
FEWEST_LANES = 2
_LARGEST_FIRST_GROUP = 8
_LARGEST_GROUP = 16
_RECENT = 0.3
"""Weight of the latest landing in what is known of the usefulness of lessons."""


@dataclass(slots=True)
class GroupSize:
    """How many lessons may land together: up by one when a full group succeeds, halved when a
    group fails (additive increase, multiplicative decrease)."""

    limit: int
    most: int

    @classmethod
    def first(cls, *, num_validation: int, minibatch_size: int) -> "GroupSize":
        """Where it starts: finding the lessons of a group costs about as much as its landing.

        A lane costs two minibatches, and about every second one finds a lesson.
        """
        balanced = math.ceil(num_validation / (4 * minibatch_size))
        limit = min(max(2, balanced), _LARGEST_FIRST_GROUP)
        return cls(limit, 2 * limit)

    def size(self, num_waiting: int) -> int:
        """How many of the waiting lessons land now: half of them when they pile up, since many
        are then the same lesson; never more than one while groups fail."""
        if self.limit == 1:
            return 1
        return max(self.limit, min(_LARGEST_GROUP, num_waiting // 2))

    def succeeded(self, size: int) -> None:
        """A group of this size beat what it was merged onto."""
        if size >= self.limit:
            self.limit = min(self.most, self.limit + 1)

    def failed(self, size: int) -> None:
        """A group did not. A single lesson that fails says nothing about grouping."""
        if size > 1:
            self.limit = max(1, min(self.limit, size) // 2)


@dataclass(slots=True)
class Breadth:
    """How many lanes may be open at once. `useful` is the share of landed lessons that were news
    of late: when most were known already, more lanes would only find them once more."""

    useful: float = 1.0

    def landed(self, num_lessons: int, num_news: int) -> None:
        """So many of a group's lessons were not known to the text that they land on."""
        self.useful += _RECENT * (num_news / num_lessons - self.useful)

    def lane_limit(
        self,
        *,
        rollout_budget: int,
        minibatch_size: int,
        num_validation: int,
        group_limit: int,
        max_concurrent: int,
    ) -> int:
        """Each lane costs two minibatches and its share of a landing, and the budget should pay
        for all of them in every round."""
        cost = 2 * minibatch_size + num_validation / group_limit
        affordable = int(self.useful * rollout_budget / (ROUNDS * cost))
        return min(max(FEWEST_LANES, affordable), max_concurrent)
