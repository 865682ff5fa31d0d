"""Lanes and landings in flight: plain data, from which the work of a stage can be made again."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ray_promptopt.algorithms.gepa.lanes.crossing import Crossing
from ray_promptopt.algorithms.gepa.lanes.lesson import VerifiedLesson
from ray_promptopt.algorithms.gepa.lanes.rewrite import Rewrite
from ray_promptopt.algorithms.gepa.lanes.stages import (
    PURPOSES,
    TAGS,
    TRANSITIONS,
    LandingStage,
    LaneStage,
    Stage,
)
from ray_promptopt.algorithms.gepa.mutation import Scored
from ray_promptopt.algorithms.gepa.objectives import Measurement
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.examples import Example, Part
from ray_promptopt.core.ids import WorkId
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.work import EvaluateCandidate, ProposeText, Purpose


@dataclass(slots=True)
class Lane:
    """One try at an edit of `parent`. `before` and `after` are its rollouts and the child's.

    `variant` numbers a lane that writes one of the first variants instead of reflecting.
    """

    number: int
    parent: Candidate
    seeds: tuple[int, ...]
    components: tuple[str, ...]
    reserved: int
    variant: int | None = None
    stage: LaneStage = LaneStage.PARENT_MINIBATCH
    before: dict[int, Scored] = field(default_factory=dict)
    rewrite: Rewrite = field(default_factory=Rewrite)
    child: Candidate | None = None
    after: dict[int, float] = field(default_factory=dict)
    lost_rollouts: dict[int, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What its work ids begin with."""
        return f"l{self.number}"

    @property
    def is_done(self) -> bool:
        """Whether it is closed."""
        return self.stage is LaneStage.DONE

    def move_to(self, stage: LaneStage) -> None:
        """Enter the next stage. Raises ValueError when it may not follow the present one."""
        _check_transition(f"lane {self.number}", self.stage, stage)
        self.stage = stage


@dataclass(slots=True)
class Landing:
    """The merging of lessons onto `target`, and the scoring of what came of it.

    The initial candidate's validation is a landing of no lessons. `crossing` names two members
    of the population that are merged instead of lessons; the gate is of validation seeds then.
    """

    number: int
    target: Candidate
    lessons: tuple[VerifiedLesson, ...]
    reserved: int
    crossing: Crossing | None = None
    stage: LandingStage = LandingStage.TARGET_MINIBATCH
    target_scores: dict[int, float] = field(default_factory=dict)
    rewrite: Rewrite = field(default_factory=Rewrite)
    child: Candidate | None = None
    gate_seeds: tuple[int, ...] = ()
    gate_scores: dict[int, float] = field(default_factory=dict)
    asked: int = 0
    measurements: dict[int, Measurement] = field(default_factory=dict)
    lost_rollouts: dict[int, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What its work ids begin with."""
        return f"g{self.number}"

    @property
    def is_done(self) -> bool:
        """Whether it is closed."""
        return self.stage is LandingStage.DONE

    @property
    def is_initial(self) -> bool:
        """Whether it scores the initial candidate."""
        return self.number == 0

    @property
    def gate_part(self) -> Part:
        """Lessons are recognised on training examples, crossings on validation examples."""
        return Part.VALIDATION if self.crossing else Part.TRAIN

    def move_to(self, stage: LandingStage) -> None:
        """Enter the next stage. Raises ValueError when it may not follow the present one."""
        _check_transition(f"landing {self.number}", self.stage, stage)
        self.stage = stage


Job = Lane | Landing


def rollout_items(
    job: Job, candidate: Candidate, part: Part, seeds: Iterable[int]
) -> list[EvaluateCandidate]:
    """The rollouts of the present stage."""
    purpose = PURPOSES[job.stage]
    if isinstance(job, Landing) and job.is_initial:
        purpose = Purpose.INITIAL_VALIDATION
    examples = [Example(part, seed) for seed in seeds]
    return [
        EvaluateCandidate(_work_id(job, str(example)), candidate, example, purpose)
        for example in examples
    ]


def proposal_item(
    job: Job, component: str, messages: tuple[ChatMessage, ...], sampling_seed: int
) -> ProposeText:
    """The model call that writes one component."""
    return ProposeText(_work_id(job, component), messages, sampling_seed)


def task_name(job: Job, component: str) -> str:
    """The name of a model call's own random stream."""
    return _work_id(job, component)


def _work_id(job: Job, what: str) -> WorkId:
    """Such as `l12.child.train:5` or `g3.merge.system`."""
    return WorkId(f"{job.key}.{TAGS[job.stage]}.{what}")


def _check_transition(name: str, present: Stage, following: Stage) -> None:
    if following not in TRANSITIONS[present]:
        allowed = ", ".join(sorted(TRANSITIONS[present])) or "none"
        raise ValueError(f"{name}: {following} may not follow {present}, only: {allowed}")
