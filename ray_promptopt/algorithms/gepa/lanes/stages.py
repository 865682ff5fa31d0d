"""The stages of a lane and of a landing, and which may follow which."""

from enum import StrEnum

from ray_promptopt.core.work import Purpose


class LaneStage(StrEnum):
    """Where a lane stands. Each but the last waits for all of its work items."""

    PARENT_MINIBATCH = "parent_minibatch"
    REFLECTION = "reflection"
    SECOND_REFLECTION = "second_reflection"
    CHILD_MINIBATCH = "child_minibatch"
    DONE = "done"


class LandingStage(StrEnum):
    """Where a landing stands. Each but the last waits for all of its work items."""

    TARGET_MINIBATCH = "target_minibatch"
    MERGE = "merge"
    SECOND_MERGE = "second_merge"
    GATE = "gate"
    VALIDATION = "validation"
    DONE = "done"


Stage = LaneStage | LandingStage

TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    LaneStage.PARENT_MINIBATCH: frozenset({LaneStage.REFLECTION, LaneStage.DONE}),
    LaneStage.REFLECTION: frozenset(
        {LaneStage.SECOND_REFLECTION, LaneStage.CHILD_MINIBATCH, LaneStage.DONE}
    ),
    LaneStage.SECOND_REFLECTION: frozenset({LaneStage.CHILD_MINIBATCH, LaneStage.DONE}),
    LaneStage.CHILD_MINIBATCH: frozenset({LaneStage.DONE}),
    LaneStage.DONE: frozenset(),
    LandingStage.TARGET_MINIBATCH: frozenset(
        {LandingStage.MERGE, LandingStage.GATE, LandingStage.VALIDATION, LandingStage.DONE}
    ),
    LandingStage.MERGE: frozenset(
        {LandingStage.SECOND_MERGE, LandingStage.GATE, LandingStage.DONE}
    ),
    LandingStage.SECOND_MERGE: frozenset({LandingStage.GATE, LandingStage.DONE}),
    LandingStage.GATE: frozenset({LandingStage.VALIDATION, LandingStage.DONE}),
    LandingStage.VALIDATION: frozenset({LandingStage.DONE}),
    LandingStage.DONE: frozenset(),
}

TAGS: dict[Stage, str] = {
    LaneStage.PARENT_MINIBATCH: "parent",
    LaneStage.REFLECTION: "reflect",
    LaneStage.SECOND_REFLECTION: "reflect-again",
    LaneStage.CHILD_MINIBATCH: "child",
    LandingStage.TARGET_MINIBATCH: "target",
    LandingStage.MERGE: "merge",
    LandingStage.SECOND_MERGE: "merge-again",
    LandingStage.GATE: "gate",
    LandingStage.VALIDATION: "valid",
}

PURPOSES: dict[Stage, Purpose] = {
    LaneStage.PARENT_MINIBATCH: Purpose.PARENT_MINIBATCH,
    LaneStage.CHILD_MINIBATCH: Purpose.CHILD_MINIBATCH,
    LandingStage.TARGET_MINIBATCH: Purpose.PARENT_MINIBATCH,
    LandingStage.GATE: Purpose.MERGE_GATE,
    LandingStage.VALIDATION: Purpose.VALIDATION,
}
