"""Demonstrations out of rollouts on training seeds, and the demo sets that are tried of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ray_promptopt.core.demos import Demo, DemoSet
from ray_promptopt.core.stages import MAIN_STAGE
from ray_promptopt.core.work import Evidence


@dataclass(frozen=True, slots=True)
class ScoredRollout:
    """A rollout on a training seed: what happened, and its score."""

    seed: int
    score: float
    evidence: Evidence


def demos_of(rollouts: Sequence[ScoredRollout], stage: str, threshold: float) -> list[Demo]:
    """What this stage did in the rollouts that scored well enough, once each, in their order.

    An empty side teaches nothing, so it makes no demonstration.
    """
    found = (
        demo
        for rollout in rollouts
        if rollout.score >= threshold
        for demo in _demos_in(rollout.evidence, stage)
    )
    return list(
        dict.fromkeys(demo for demo in found if demo.inputs.strip() and demo.output.strip())
    )


def labelled_demos_of(rollouts: Sequence[ScoredRollout], stage: str) -> list[Demo]:
    """What this stage should have answered, where it made the last call and the app told."""
    found = []
    for rollout in rollouts:
        evidence = rollout.evidence
        last = evidence.calls[-1] if evidence.calls else None
        inputs = evidence.inputs if last is None else last.inputs
        is_mine = stage == (MAIN_STAGE if last is None else last.stage)
        if is_mine and evidence.right_output.strip() and inputs.strip():
            found.append(Demo(inputs, evidence.right_output))
    return list(dict.fromkeys(found))


def as_seen_by(stage: str, rollout: ScoredRollout) -> ScoredRollout:
    """The rollout with what this stage was given and answered; all of it for an app with one."""
    evidence = rollout.evidence
    if not evidence.calls:
        return rollout
    calls = [call for call in evidence.calls if call.stage == stage]
    inputs = "\n".join(call.inputs for call in calls)
    output = "\n".join(call.output for call in calls)
    return replace(rollout, evidence=replace(evidence, inputs=inputs, output=output, calls=()))


def _demos_in(evidence: Evidence, stage: str) -> list[Demo]:
    if stage == MAIN_STAGE and not evidence.calls:
        return [Demo(evidence.inputs, evidence.output)]
    return [Demo(call.inputs, call.output) for call in evidence.calls if call.stage == stage]


def demo_sets(
    pool: Sequence[Demo],
    labelled: Sequence[Demo],
    rng: np.random.Generator,
    *,
    max_demos: int,
    sets_per_size: int,
    include_empty: bool,
) -> list[DemoSet]:
    """The sets to choose from: the empty one first, then the largest, of several shuffles each;
    then one of labelled examples alone, and one of both where the pool is too small to fill it.
    """
    largest = min(max_demos, len(pool))
    empty: list[DemoSet] = [()] if include_empty or not (largest or labelled) else []
    sets = [
        tuple(pool[int(place)] for place in rng.permutation(len(pool))[:size])
        for _ in range(sets_per_size)
        for size in range(largest, 0, -1)
    ]
    told = [labelled[int(place)] for place in rng.permutation(len(labelled))]
    others = [demo for demo in told if demo not in pool]
    if others and max_demos:
        sets.append(tuple(told[:max_demos]))
        if 0 < len(pool) < max_demos:
            sets.append((*pool, *others[: max_demos - len(pool)]))
    return list(dict.fromkeys([*empty, *sets]))
