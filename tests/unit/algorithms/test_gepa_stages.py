import pytest

from ray_promptopt.algorithms.gepa.mutation import Mutation
from ray_promptopt.algorithms.gepa.stages import TRANSITIONS, Stage


def at(stage: Stage) -> Mutation:
    return Mutation(1, stage, (0,), (1, 2), 0)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("target", Stage)
def test_move_when_the_table_allows_it_enters_and_else_refuses(stage: Stage, target: Stage) -> None:
    mutation = at(stage)
    if target in TRANSITIONS[stage]:
        mutation.move_to(target)
        assert mutation.stage is target
    else:
        with pytest.raises(ValueError, match="may not follow"):
            mutation.move_to(target)
        assert mutation.stage is stage


def test_table_when_read_covers_every_stage_and_leads_to_the_end() -> None:
    assert set(TRANSITIONS) == set(Stage)
    assert all(Stage.DONE in targets for s, targets in TRANSITIONS.items() if s is not Stage.DONE)
    assert Stage.VALIDATION not in TRANSITIONS[Stage.PARENT_MINIBATCH]
    assert TRANSITIONS[Stage.DONE] == frozenset()
