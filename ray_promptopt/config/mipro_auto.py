"""`auto`: fills in every size that the config leaves open. What is written there stands."""

import math
from collections.abc import Mapping

from ray_promptopt.config.base import Section
from ray_promptopt.config.gather import Gathered, Problems
from ray_promptopt.config.limits import LEARNING_ROLLOUTS
from ray_promptopt.config.mipro_sizes import FEWEST_ROLLOUTS, rollouts_of, sizes_within, spread
from ray_promptopt.config.schema import Splits
from ray_promptopt.config.schema_mipro import MiproConfig


def with_auto_splits(mipro: MiproConfig, splits: Splits) -> Splits:
    """As many validation seeds as the size allows."""
    if mipro.auto is None or not splits.validation:
        return splits
    return splits.model_copy(update={"validation": spread(splits.validation, mipro.auto)})


def with_auto_sizes(
    mipro: MiproConfig,
    given: Gathered,
    limits: tuple[Gathered, Gathered],
    splits: Splits,
    problems: Problems,
) -> MiproConfig:
    """The section with its sizes; `limits` are `[termination_config]` and the budget's keys, and
    are given a number of rollouts when they have none."""
    if mipro.auto is None or not splits.validation:
        return mipro
    num_validation = len(splits.validation)
    termination, budget = limits
    told = [
        value
        for value in (termination.values.get("max_rollouts"), budget.values.get("budget"))
        if isinstance(value, int)
    ]
    num_stages = max(1, sum(len(module.stages) for module in mipro.modules))
    wanted = rollouts_of(mipro.auto, num_validation=num_validation, num_stages=num_stages)
    rollouts = min(told, default=LEARNING_ROLLOUTS + wanted)
    if rollouts < FEWEST_ROLLOUTS:
        key = budget.key("budget") if "budget" in budget.values else termination.key("max_rollouts")
        problems.add(key, rollouts, f"an automatic size needs at least {FEWEST_ROLLOUTS}")
        return mipro
    termination.values.setdefault("max_rollouts", rollouts)
    sizes = sizes_within(rollouts, num_validation=num_validation)
    per_iteration = mipro.num_evaluations_per_iteration
    if "num_evaluations_per_iteration" not in given.values:
        per_iteration = sizes.trials_per_update
    flat = {
        "batch_size": sizes.batch_size,
        "full_eval_every_k": sizes.full_eval_every,
        "num_evaluations_per_iteration": per_iteration,
        # So many that the rollouts end the search, even were every trial dropped half-way.
        "num_iterations": math.ceil(2 * rollouts / sizes.batch_size / per_iteration),
    }
    return mipro.model_copy(
        update={name: value for name, value in flat.items() if name not in given.values}
        | {
            "grounding": _filled(mipro.grounding, given, "grounding", n=sizes.num_instructions),
            "demo": _filled(mipro.demo, given, "demo", sets_per_size=sizes.demo_sets_per_size),
            "meta_update": _filled(
                mipro.meta_update, given, "meta_update", enabled=True, every_iterations=1
            ),
        }
    )


def _filled(section: Section, given: Gathered, name: str, **sizes: object) -> Section:
    """A table of the section with the values that it was not given."""
    written = given.values.get(name)
    known = written if isinstance(written, Mapping) else {}
    return section.model_copy(update={k: v for k, v in sizes.items() if k not in known})
