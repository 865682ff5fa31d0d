import pytest

from ray_promptopt.config.mipro_sizes import FEWEST_ROLLOUTS, sizes_within, spread
from ray_promptopt.config.schema_mipro import MiproConfig
from tests.unit.config.documents import MIPRO, mipro, refused

ROWS = {"mipro__bootstrap_train_seeds": list(range(60)), "mipro__online_pool": list(range(60, 460))}


def sized(**changes: object) -> MiproConfig:
    config = mipro(**ROWS, **changes).mipro
    assert config is not None
    return config


def test_a_larger_size_spends_more_on_more_candidates_and_more_validation_seeds() -> None:
    configs = [mipro(**ROWS, mipro__auto=size) for size in ("light", "medium", "heavy")]
    budgets = [config.limits.max_rollouts for config in configs]
    assert budgets == sorted(set(budgets))
    assert [len(config.splits.validation) for config in configs] == [100, 300, 400]
    instructions = [config.mipro.grounding.n for config in configs if config.mipro]
    assert instructions == sorted(instructions)
    assert instructions[0] < instructions[-1]


def test_the_rollouts_that_are_given_decide_how_a_size_spends_them() -> None:
    config = mipro(**ROWS, mipro__auto="heavy", termination_config__max_rollouts=96)
    assert config.limits.max_rollouts == 96
    assert config.mipro is not None
    assert config.mipro.batch_size < sized(mipro__auto="heavy").batch_size


def test_the_smaller_of_two_budgets_decides() -> None:
    few = {"mipro__rollout_budget": 96, "termination_config__max_rollouts": 960}
    assert mipro(**ROWS, mipro__auto="light", **few).limits.max_rollouts == 96
    assert sized(mipro__auto="light", **few) == sized(
        mipro__auto="light", termination_config__max_rollouts=96
    )


def test_what_is_written_stands_beside_an_automatic_size() -> None:
    config = sized(
        mipro__auto="light",
        mipro__batch_size=7,
        mipro__grounding__n=9,
        mipro__demo__sets_per_size=2,
        mipro__meta_update__enabled=False,
    )
    assert (config.batch_size, config.grounding.n, config.demo.sets_per_size) == (7, 9, 2)
    assert not config.meta_update.enabled
    assert config.meta_update.every_iterations == 1


def test_the_number_of_iterations_never_ends_a_sized_search_before_its_rollouts() -> None:
    config = mipro(**ROWS, mipro__auto="medium")
    assert config.mipro is not None
    trials = config.mipro.num_iterations * config.mipro.num_evaluations_per_iteration
    assert trials * (config.mipro.batch_size // 2) >= config.limits.max_rollouts * 0.9


@pytest.mark.parametrize("where", ["mipro__rollout_budget", "termination_config__max_rollouts"])
def test_a_budget_too_small_for_any_size_is_refused_under_its_own_key(where: str) -> None:
    problems = refused(MIPRO, mipro__auto="light", **{where: FEWEST_ROLLOUTS - 1})
    assert str(FEWEST_ROLLOUTS) in problems[where.replace("__", ".")]


def test_an_unknown_size_is_refused() -> None:
    assert "mipro.auto" in refused(MIPRO, mipro__auto="huge")


def test_validation_seeds_are_taken_evenly_when_there_are_too_many() -> None:
    assert spread(range(1000), "light") == tuple(range(0, 1000, 10))
    assert spread((5, 3, 1), "light") == (5, 3, 1)


@pytest.mark.parametrize("rollouts", [FEWEST_ROLLOUTS, 96, 300, 1000, 20_000])
def test_a_trial_never_takes_more_seeds_than_there_are(rollouts: int) -> None:
    assert sizes_within(rollouts, num_validation=5).batch_size <= 5


def test_trials_and_their_length_both_grow_with_the_budget() -> None:
    few, many = (sizes_within(n, num_validation=100) for n in (96, 960))
    assert few.batch_size < many.batch_size
    assert few.num_trials < many.num_trials
    assert few.num_meta_calls(1) < many.num_meta_calls(1)
