"""The token limit binds the whole prompt: all components together."""

from typing import Any

import pytest

from ray_promptopt.algorithms.gepa import AsyncGepaOptimizer, GepaOptimizer, GepaSettings
from ray_promptopt.algorithms.gepa.lanes.settings import LaneSettings
from ray_promptopt.algorithms.gepa.proposers import ProposerSettings
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import DecisionKind, EvaluateCandidate, ProposeText, WorkItem
from tests.fakes.landscape import answer_stage

TWO = Candidate.of({"developer": "word " * 7, "system": "word " * 7})
"""Nine tokens each, by estimate."""


def settings(limit: int) -> GepaSettings:
    return GepaSettings(
        (0, 1),
        (2, 3),
        100,
        minibatch_size=2,
        max_proposals=1,
        proposer=ProposerSettings(max_prompt_tokens=limit),
        lanes=LaneSettings(max_concurrent=2),
    )


def search(optimizer: Any) -> tuple[set[DecisionKind], int]:
    """The kinds of all decisions, and the rollouts of children, when every reflection answers
    with fifteen tokens and every rollout scores nothing."""
    found: set[DecisionKind] = set()
    tried: list[WorkItem] = []
    while optimizer.stop_reason() is None:
        items, decisions = answer_stage(
            optimizer,
            lambda item: f"```\n{'longer ' * 8}\n```" if isinstance(item, ProposeText) else 0.0,
        )
        tried += [
            item for item in items if isinstance(item, EvaluateCandidate) and item.candidate != TWO
        ]
        found |= {decision.kind for decision in decisions}
    return found, len(tried)


@pytest.mark.parametrize("schedule", [GepaOptimizer, AsyncGepaOptimizer])
def test_child_when_its_components_are_too_long_together_then_costs_no_rollout(
    schedule: Any,
) -> None:
    optimizer = schedule(settings(22), TWO)
    kinds, rollouts_of_children = search(optimizer)
    assert DecisionKind.CANDIDATE_PROPOSED not in kinds
    assert rollouts_of_children == 0
    assert optimizer.discarded == {"too_long": 1}


@pytest.mark.parametrize("schedule", [GepaOptimizer, AsyncGepaOptimizer])
def test_child_when_its_components_fit_together_then_is_tried(schedule: Any) -> None:
    optimizer = schedule(settings(23), TWO)
    kinds, rollouts_of_children = search(optimizer)
    assert DecisionKind.CANDIDATE_PROPOSED in kinds
    assert rollouts_of_children == 2
