"""Limits of a run: the smallest of what the several places of the TOML say."""

from collections.abc import Mapping

from ray_promptopt.config.build import build
from ray_promptopt.config.gather import (
    Gathered,
    Problems,
    gather,
    merge,
    paths_of,
    refuse_unknown,
)
from ray_promptopt.config.keys import TERMINATION
from ray_promptopt.config.schema import Limits, Splits
from ray_promptopt.config.schema_gepa import GepaConfig
from ray_promptopt.config.schema_mipro import MiproConfig

LEARNING_ROLLOUTS = 3
"""Rollouts that may go into learning the baseline before the search begins."""

_PREFIX = "termination_config."


def read_termination(table: object, problems: Problems) -> Gathered:
    """The `[termination_config]` table."""
    if not isinstance(table, Mapping):
        if table is not None:
            problems.add("termination_config", table, "make it a table")
        return Gathered("")
    refuse_unknown(table, paths_of(TERMINATION), prefix=_PREFIX, problems=problems)
    given = merge(gather(table, TERMINATION, prefix=_PREFIX, problems=problems), problems=problems)
    if given.values.pop("pessimism_enabled", True) is False:
        problems.warnings.append(
            f"{_PREFIX}pessimism_enabled = false: read, but budgets are always reserved before "
            "they are spent, at the dearest price so far; remove it"
        )
    return given


def gepa_limits(
    given: Gathered, budget: Gathered, gepa: GepaConfig, splits: Splits, problems: Problems
) -> Limits | None:
    """The limits of a GEPA run; its rollout budget is required and must carry one proposal."""
    _take_least(given, "max_rollouts", budget, "budget")
    _lower(given, "max_cost_usd", gepa.max_spend_usd)
    if "max_rollouts" not in given.values:
        problems.add(budget.key("budget"), None, "give the number of rollouts to spend")
        return None
    limits = build(Limits, given, problems)
    minibatch = min(gepa.minibatch_size, max(len(splits.train), 1))
    least = LEARNING_ROLLOUTS + len(splits.validation) + 2 * minibatch
    if limits is not None and limits.max_rollouts < least:
        problems.add(
            given.key("max_rollouts"),
            limits.max_rollouts,
            f"the least that works is {least}: {LEARNING_ROLLOUTS} to learn the baseline, "
            f"{len(splits.validation)} validation seeds, two minibatches of {minibatch}",
        )
    return limits


def mipro_limits(
    given: Gathered, budget: Gathered, mipro: MiproConfig, splits: Splits, problems: Problems
) -> Limits | None:
    """The limits of a MIPRO run; without a budget, what its iterations need at most."""
    _take_least(given, "max_rollouts", budget, "budget")
    _lower(given, "max_cost_usd", mipro.max_spend_usd)
    _lower(given, "max_seconds", mipro.max_wall_clock_seconds)
    _lower(given, "max_tokens", mipro.max_total_tokens)
    if mipro.enforce_token_limit:
        _lower(given, "max_tokens", mipro.max_token_limit)
    trials = mipro.num_iterations * mipro.num_evaluations_per_iteration
    batch = min(mipro.batch_size, max(len(splits.validation), 1))
    full = (1 + trials // mipro.full_eval_every_k) * len(splits.validation)
    given.values.setdefault(
        "max_rollouts", LEARNING_ROLLOUTS + len(splits.train) + trials * batch + full
    )
    return build(Limits, given, problems)


def _take_least(given: Gathered, name: str, other: Gathered, other_name: str) -> None:
    """Take `other`'s value when `given` has none, or a larger one."""
    value, present = other.values.get(other_name), given.values.get(name)
    if value is None or (isinstance(present, int) and isinstance(value, int) and present <= value):
        return
    given.values[name] = value
    given.written[name] = other.key(other_name)


def _lower(given: Gathered, name: str, value: float | None) -> None:
    present = given.values.get(name)
    if value is not None and not (isinstance(present, int | float) and present <= value):
        given.values[name] = value
