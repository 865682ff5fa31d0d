"""The work in flight: rounds of proposals and evaluations of combinations, as rows with a stage.

Work ids name the job, its step and the seed or slot, so they follow from the row alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ray_promptopt.algorithms.mipro.grounding import TriedInstruction
from ray_promptopt.algorithms.mipro.stages import (
    EVALUATION_TRANSITIONS,
    ROUND_TRANSITIONS,
    EvaluationStage,
    RoundStage,
)
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.work import EvaluateCandidate, Purpose


@dataclass(slots=True)
class Slot:
    """One instruction to be written; `text` once it is, None while it is not or never will be."""

    component: str
    text: str | None = None


@dataclass(slots=True)
class Round:
    """Rollouts of one combination on training seeds, then instructions written from them.

    Round 0 begins with the baseline and has a summary of the data set written as well. `history`
    is what was known of tried instructions when the proposals were asked for, `lost` the first
    error of a lost rollout.
    """

    number: int
    arm: int
    seeds: tuple[int, ...]
    stage: RoundStage = RoundStage.BOOTSTRAP
    reserved: int = 0
    lost: str | None = None
    slots: list[Slot] = field(default_factory=list)
    history: dict[str, tuple[TriedInstruction, ...]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What its work ids begin with."""
        return f"r{self.number}"

    @property
    def is_done(self) -> bool:
        """Whether it is closed."""
        return self.stage is RoundStage.DONE

    def move_to(self, stage: RoundStage) -> None:
        """Raises ValueError on a step that the table does not know."""
        if stage not in ROUND_TRANSITIONS[self.stage]:
            raise ValueError(f"round {self.number} cannot go from {self.stage} to {stage}")
        self.stage = stage


@dataclass(slots=True)
class Evaluation:
    """A combination being scored on the seeds `first` to `last` of the fixed order.

    Rung by rung up to `target`; `lost` is the first error of a lost rollout of this evaluation.
    """

    number: int
    arm: int
    first: int
    last: int
    target: int
    purpose: Purpose
    reserved: int = 0
    rung: int = 0
    used: int = 0
    lost: str | None = None
    stage: EvaluationStage = EvaluationStage.RUNG

    @property
    def key(self) -> str:
        """What its work ids begin with."""
        return f"t{self.number}"

    @property
    def is_done(self) -> bool:
        """Whether it is closed."""
        return self.stage is EvaluationStage.DONE

    def climb(self, size: int) -> None:
        """Go on with the next `size` seeds."""
        self.move_to(EvaluationStage.RUNG)
        self.first, self.last, self.rung = self.last, self.last + size, self.rung + 1

    def move_to(self, stage: EvaluationStage) -> None:
        """Raises ValueError on a step that the table does not know."""
        if stage not in EVALUATION_TRANSITIONS[self.stage]:
            raise ValueError(f"evaluation {self.number} cannot go from {self.stage} to {stage}")
        self.stage = stage


Job = Round | Evaluation


def slot_in(work_id: WorkId) -> int:
    """The slot that a proposal's work id names."""
    return int(work_id.rpartition(".")[2])


def proposal_id(job: Round, slot: int) -> WorkId:
    """The id of the call that fills a slot."""
    return WorkId(f"{job.key}.propose.{slot}")


def summary_id(job: Round) -> WorkId:
    """The id of the call that summarises the data set."""
    return WorkId(f"{job.key}.summary.0")


def bootstrap_items(job: Round, candidate: Candidate) -> list[EvaluateCandidate]:
    """A rollout on every training seed of the round."""
    return _rollouts(f"{job.key}.bootstrap", candidate, Part.TRAIN, job.seeds, Purpose.BOOTSTRAP)


def rung_items(
    job: Evaluation, candidate: Candidate, order: Sequence[int]
) -> list[EvaluateCandidate]:
    """A rollout on every seed of the present rung."""
    seeds = order[job.first : job.last]
    step = f"{job.key}.rung{job.rung}"
    return _rollouts(step, candidate, Part.VALIDATION, seeds, job.purpose)


def _rollouts(
    step: str, candidate: Candidate, part: Part, seeds: Sequence[int], purpose: Purpose
) -> list[EvaluateCandidate]:
    return [
        EvaluateCandidate(WorkId(f"{step}.{example}"), candidate, example, purpose)
        for example in (Example(part, seed) for seed in seeds)
    ]
