"""A lesson: an edit that beat its base on a minibatch, with the evidence. What lanes find."""

from dataclasses import dataclass, replace

from ray_promptopt.algorithms.gepa.mutation import Scored
from ray_promptopt.core.candidate import Candidate

GATE_SEEDS = 3
"""Examples by which a lesson is recognised in a merged text, at most."""


@dataclass(frozen=True, slots=True)
class VerifiedLesson:
    """`texts` are the changed components; `before` and `after` score base and child on the
    training seeds that both are scored on. `tries` counts the landings that lost it."""

    number: int
    base: Candidate
    texts: dict[str, str]
    before: dict[int, Scored]
    after: dict[int, float]
    tries: int = 0

    @property
    def child(self) -> Candidate:
        """The candidate that was tried: the base with this edit."""
        return self.base.with_texts(self.texts)

    @property
    def gain(self) -> float:
        """How much the sum over the minibatch rose."""
        return sum(self.after.values()) - sum(result.score for result in self.before.values())

    @property
    def gate_seeds(self) -> tuple[int, ...]:
        """The seeds that tell whether a text has this lesson: the most improved ones first."""
        by_gain = sorted(
            self.after, key=lambda seed: (self.before[seed].score - self.after[seed], seed)
        )
        return tuple(by_gain[:GATE_SEEDS])

    def tried_again(self) -> "VerifiedLesson":
        """The same lesson, once more lost in merging."""
        return replace(self, tries=self.tries + 1)
