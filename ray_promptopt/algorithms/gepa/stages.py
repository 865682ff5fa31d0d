"""The stages of a mutation and which may follow which."""

from enum import StrEnum

from ray_promptopt.core.work import Purpose


class Stage(StrEnum):
    """Where a mutation stands. Each but the last waits for all of its work items."""

    INITIAL_VALIDATION = "initial_validation"
    PARENT_MINIBATCH = "parent_minibatch"
    REFLECTION = "reflection"
    SECOND_REFLECTION = "second_reflection"
    CHILD_MINIBATCH = "child_minibatch"
    MERGE_GATE = "merge_gate"
    VALIDATION = "validation"
    DONE = "done"


TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    Stage.INITIAL_VALIDATION: frozenset({Stage.DONE}),
    Stage.PARENT_MINIBATCH: frozenset({Stage.REFLECTION, Stage.DONE}),
    Stage.REFLECTION: frozenset({Stage.SECOND_REFLECTION, Stage.CHILD_MINIBATCH, Stage.DONE}),
    Stage.SECOND_REFLECTION: frozenset({Stage.CHILD_MINIBATCH, Stage.DONE}),
    Stage.CHILD_MINIBATCH: frozenset({Stage.VALIDATION, Stage.DONE}),
    Stage.MERGE_GATE: frozenset({Stage.VALIDATION, Stage.DONE}),
    Stage.VALIDATION: frozenset({Stage.DONE}),
    Stage.DONE: frozenset(),
}

ROLLOUT_PURPOSES: dict[Stage, Purpose] = {
    Stage.INITIAL_VALIDATION: Purpose.INITIAL_VALIDATION,
    Stage.PARENT_MINIBATCH: Purpose.PARENT_MINIBATCH,
    Stage.CHILD_MINIBATCH: Purpose.CHILD_MINIBATCH,
    Stage.MERGE_GATE: Purpose.MERGE_GATE,
    Stage.VALIDATION: Purpose.VALIDATION,
}

WORK_TAGS: dict[Stage, str] = {
    Stage.INITIAL_VALIDATION: "initial",
    Stage.PARENT_MINIBATCH: "parent",
    Stage.REFLECTION: "reflect",
    Stage.SECOND_REFLECTION: "reflect-again",
    Stage.CHILD_MINIBATCH: "child",
    Stage.MERGE_GATE: "merge",
    Stage.VALIDATION: "valid",
}
