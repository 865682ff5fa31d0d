"""One mutation (or merge, or the initial validation) in flight, with all it has learnt so far.

It is plain data: from it the work items of its stage can be made again after a restart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.algorithms.gepa.stages import (
    ROLLOUT_PURPOSES,
    TRANSITIONS,
    WORK_TAGS,
    Stage,
)
from ray_promptopt.algorithms.parsing import Refusal
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.work import EvaluateCandidate, Evidence, ProposeText

_TRAINING_STAGES = frozenset({Stage.PARENT_MINIBATCH, Stage.CHILD_MINIBATCH})


class Scored(NamedTuple):
    """One scored rollout of the parent."""

    score: float
    evidence: Evidence


@dataclass(slots=True)
class Mutation:
    """Its stage, its parents (indices into the population) and the results of each stage."""

    iteration: int
    stage: Stage
    parents: tuple[int, ...]
    seeds: tuple[int, ...]
    reserved: int
    used: int = 0
    parent_results: dict[int, Scored] = field(default_factory=dict)
    components: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    child: Candidate | None = None
    gate_scores: dict[int, float] = field(default_factory=dict)
    validation: dict[int, Measurement] = field(default_factory=dict)
    lost_rollouts: dict[int, str] = field(default_factory=dict)
    lost_reflections: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What its work ids begin with."""
        return f"i{self.iteration}"

    @property
    def is_done(self) -> bool:
        """Whether it is closed."""
        return self.stage is Stage.DONE

    @property
    def invites_merge(self) -> bool:
        """A merge is tried after a reflective child has joined the population, and at no other
        time."""
        return self.is_done and self.iteration > 0 and not self.is_merge and bool(self.validation)

    @property
    def is_merge(self) -> bool:
        """Whether the child joins two lineages."""
        return len(self.parents) > 1

    @property
    def part(self) -> Part:
        """The part that the rollouts of this stage draw their seeds from."""
        return Part.TRAIN if self.stage in _TRAINING_STAGES else Part.VALIDATION

    def move_to(self, stage: Stage) -> None:
        """Enter the next stage. Raises ValueError when it may not follow the present one."""
        if stage not in TRANSITIONS[self.stage]:
            allowed = ", ".join(sorted(TRANSITIONS[self.stage])) or "none"
            raise ValueError(
                f"mutation {self.iteration}: {stage} may not follow {self.stage}, only: {allowed}"
            )
        self.stage = stage

    def common_sums(self, before: dict[int, float]) -> tuple[float, float]:
        """The sums of `before` and of the child over the gate seeds the child is scored on.

        `before` has a score for each: gates are made of seeds their parents are scored on.
        """
        common = [seed for seed in self.seeds if seed in self.gate_scores]
        return sum(before[s] for s in common), sum(self.gate_scores[s] for s in common)


def rollout_items(
    mutation: Mutation, candidate: Candidate, seeds: Sequence[int]
) -> list[EvaluateCandidate]:
    """The rollouts of the present stage, named like `i12.parent.train:5`."""
    purpose = ROLLOUT_PURPOSES[mutation.stage]
    examples = [Example(mutation.part, seed) for seed in seeds]
    return [
        EvaluateCandidate(_work_id(mutation, str(example)), candidate, example, purpose)
        for example in examples
    ]


def reflection_item(
    mutation: Mutation, component: str, messages: tuple[ChatMessage, ...], sampling_seed: int
) -> ProposeText:
    """The model call that rewrites one component."""
    return ProposeText(_work_id(mutation, component), messages, sampling_seed)


def component_of(work_id: WorkId) -> str:
    """The component that a reflection's id names (which may hold dots itself)."""
    return work_id.split(".", 2)[2]


def _work_id(mutation: Mutation, what: str) -> WorkId:
    return WorkId(f"{mutation.key}.{WORK_TAGS[mutation.stage]}.{what}")
