"""MIPRO keys that were given and do nothing: each gets a warning.

Configs written for other optimizers carry such keys, so that they are no faults; a key without
effect must not look as if it had one.
"""

from collections.abc import Mapping

from ray_promptopt.config.gather import Gathered, Problems, shown
from ray_promptopt.config.proposer import flavour_of
from ray_promptopt.config.schema import ModelRef
from ray_promptopt.config.schema_mipro import MiproConfig

ALWAYS = {
    "strict_bootstrap": "too few demonstrations always end the run; set min_bootstrap_demos",
    "instructions_per_batch": "each instruction is asked for in a call of its own; remove it",
    "duplicate_retry_limit": "a combination is never run twice; remove it",
    "token_counting_model": "tokens are counted by the provider; remove it",
    "results_file": "results are written to the results folder; set results_folder",
}
"""Keys that can have no meaning here, and what to do instead."""

ALWAYS_IN_TABLES = {
    "tpe.alpha": "the weight of the prior is tpe.prior_weight",
    "tpe.categorical_alpha": "the weight of the prior is tpe.prior_weight",
    "meta_update.validate_on_batch": "trials score new instructions on batch_size seeds",
    "meta_update.regen_temperature_decay": "renewals differ by their evidence; set "
    "meta_model_temperature",
}
"""The same for keys of the section's tables."""

SPEC_KEYS = ("spec_max_tokens", "spec_include_examples", "spec_priority_threshold")


def warn_of_no_effect(
    mipro: MiproConfig, given: Gathered, policy: ModelRef | None, problems: Problems
) -> None:
    """A warning for each given key that does nothing: key, value, why, and the remedy."""
    for name, path in given.written.items():
        reason = _reason(mipro, name)
        if reason is not None:
            _warn(given.prefix + path, given.values[name], reason, problems)
    for path, reason in ALWAYS_IN_TABLES.items():
        table, _, name = path.partition(".")
        written = given.values.get(table)
        if isinstance(written, Mapping) and name in written:
            _warn(given.prefix + path, written[name], reason, problems)
    _warn_of_flavours(mipro, problems)
    _warn_of_policies(mipro, policy, problems)


def _reason(mipro: MiproConfig, name: str) -> str | None:
    if name in SPEC_KEYS and mipro.spec is None:
        return "there is no spec: give a spec_path"
    if name == "proposer_mode" and not mipro.proposer_settings:
        return (
            "it only chooses between the models of [mipro.instructions], and there is none; "
            "remove it"
        )
    if name == "enforce_token_limit" and mipro.max_token_limit is None:
        return "there is no limit: give a max_token_limit"
    if name == "max_token_limit" and not mipro.enforce_token_limit:
        return "enforce_token_limit is false; set it to true, or remove this"
    return ALWAYS.get(name)


def _warn_of_flavours(mipro: MiproConfig, problems: Problems) -> None:
    flavour = flavour_of(None, mipro.proposer_mode)
    mine = f"instructions.{flavour.replace('-', '_')}_"
    for name, value in mipro.proposer_settings.items():
        if not name.startswith(mine):
            reason = f"the proposer in use is {flavour}; set proposer_mode, or remove it"
            _warn(f"mipro.{name}", value, reason, problems)


def _warn_of_policies(mipro: MiproConfig, policy: ModelRef | None, problems: Problems) -> None:
    """A stage's own policy table is required elsewhere: only another model is worth a word."""
    answers = policy.model if policy else "the policy model"
    for index, module in enumerate(mipro.modules):
        for place, stage in enumerate(module.stages):
            named = str((stage.policy or {}).get("model") or answers)
            if named.rpartition("/")[2].lower() != answers.rpartition("/")[2].lower():
                key = f"mipro.modules[{index}].stages[{place}].policy"
                reason = f"every stage is answered by {answers}, the run's policy; change [policy]"
                _warn(key, named, reason, problems)


def _warn(key: str, value: object, reason: str, problems: Problems) -> None:
    problems.warnings.append(f"{key} = {shown(key, value)}: without effect: {reason}")
