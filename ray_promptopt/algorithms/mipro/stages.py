"""The stages of a round of proposals and of an evaluation, and which may follow which."""

from enum import StrEnum


class RoundStage(StrEnum):
    """Where a round stands. Each stage but the last waits for all of its work items."""

    BOOTSTRAP = "bootstrap"
    SUMMARY = "summary"
    PROPOSALS = "proposals"
    DONE = "done"


class EvaluationStage(StrEnum):
    """Where an evaluation stands: a rung is some seeds more, scored together."""

    RUNG = "rung"
    DONE = "done"


ROUND_TRANSITIONS: dict[RoundStage, frozenset[RoundStage]] = {
    RoundStage.BOOTSTRAP: frozenset({RoundStage.SUMMARY, RoundStage.PROPOSALS, RoundStage.DONE}),
    RoundStage.SUMMARY: frozenset({RoundStage.PROPOSALS, RoundStage.DONE}),
    RoundStage.PROPOSALS: frozenset({RoundStage.DONE}),
    RoundStage.DONE: frozenset(),
}

EVALUATION_TRANSITIONS: dict[EvaluationStage, frozenset[EvaluationStage]] = {
    EvaluationStage.RUNG: frozenset({EvaluationStage.RUNG, EvaluationStage.DONE}),
    EvaluationStage.DONE: frozenset(),
}
