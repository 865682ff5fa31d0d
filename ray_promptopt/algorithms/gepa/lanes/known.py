"""What is known of candidates on training examples: paid for once, used again.

A lane's parent, a landing's target and a reflection's evidence all draw on it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ray_promptopt.algorithms.gepa.mutation import Scored
from ray_promptopt.core.ids import CandidateId


@dataclass(slots=True)
class KnownResults:
    """Candidate → training seed → its rollout."""

    results: dict[CandidateId, dict[int, Scored]] = field(default_factory=dict)

    def note(self, candidate: CandidateId, seed: int, result: Scored) -> None:
        """Keep a rollout; a later one of the same pair replaces it."""
        self.results.setdefault(candidate, {})[seed] = result

    def of(self, candidate: CandidateId, seeds: Iterable[int]) -> dict[int, Scored]:
        """The known results on these seeds, in their order."""
        known = self.results.get(candidate, {})
        return {seed: known[seed] for seed in seeds if seed in known}

    def failures(self, candidate: CandidateId, perfect_score: float) -> dict[int, Scored]:
        """The known results below the perfect score, in the order in which they came."""
        known = self.results.get(candidate, {})
        return {seed: result for seed, result in known.items() if result.score < perfect_score}

    def keep_only(self, candidates: Collection[CandidateId]) -> None:
        """Forget all others: nothing will start from them again."""
        self.results = {key: value for key, value in self.results.items() if key in candidates}
