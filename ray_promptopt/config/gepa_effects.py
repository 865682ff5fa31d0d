"""GEPA keys that were given and do nothing, or not what they say: each gets a warning.

Configs written for other optimizers carry such keys, so that they are no faults; a key without
effect must not look as if it had one.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from ray_promptopt.config.gather import Gathered, Problems, shown
from ray_promptopt.config.proposer import flavour_of
from ray_promptopt.config.schema import ModelRef, Splits
from ray_promptopt.config.schema_gepa import GepaConfig

ALWAYS = {
    "mutation_rate": "every child that is not a merge is a mutation; set crossover_rate instead",
    "token_counting_model": "tokens of prompts are estimated, four characters to one; remove it",
}
"""Keys that can have no meaning here, and why."""

MODULE_ALWAYS = {
    "max_instruction_slots": "GEPA keeps every candidate that counts; set gepa.archive.size",
    "allowed_tools": "the application's tools pass through unchanged; restrict them there",
}


class Condition(NamedTuple):
    """When a key has an effect, and what to do where it has none."""

    holds: Callable[[GepaConfig], bool]
    remedy: str


def _selects(*names: str) -> Condition:
    return Condition(
        lambda gepa: gepa.candidate_selector in names,
        "only candidate_selector = " + " or ".join(f'"{name}"' for name in names) + " heeds it",
    )


_MERGE = Condition(
    lambda gepa: gepa.merge, "nothing is crossed: set merge = true, or a crossover_rate above 0"
)
_SPEC = Condition(lambda gepa: gepa.proposer_type == "spec", 'it needs proposer_type = "spec"')
_ENFORCED = Condition(
    lambda gepa: gepa.enforce_pattern_token_limit,
    "token.enforce_pattern_limit is false: nothing is refused; set it to true, or remove this",
)
_ASYNC = Condition(
    lambda gepa: gepa.schedule == "async", 'schedule = "reference" does as the paper does'
)
_ASYNC_MERGE = Condition(
    lambda gepa: not gepa.merge or gepa.schedule == "async",
    'schedule = "reference" tries a merge after each accepted child, whatever the share; only '
    "max_merges limits them",
)

WHERE: dict[str, Condition] = {
    "epsilon": _selects("epsilon_greedy"),
    "top_k": _selects("top_k_pareto"),
    "selection_pressure": _selects("pareto", "top_k_pareto"),
    "max_merges": _MERGE,
    "crossover_rate": _ASYNC_MERGE,
    "racing": _ASYNC,
    "max_token_limit": _ENFORCED,
    "spec_path": _SPEC,
    "spec": _SPEC,
    "spec_max_tokens": _SPEC,
    "spec_include_examples": _SPEC,
    "spec_priority_threshold": _SPEC,
}
"""Keys that have an effect under a condition."""


def warn_of_no_effect(
    gepa: GepaConfig,
    given: Gathered,
    policy: ModelRef | None,
    stages: Collection[str],
    splits: Splits,
    problems: Problems,
) -> None:
    """A warning for each given key that does nothing: key, value, why, and the remedy."""
    for name, path in given.written.items():
        reason = ALWAYS.get(name)
        condition = WHERE.get(name)
        if condition is not None and not condition.holds(gepa):
            reason = condition.remedy
        if reason is not None:
            _warn(given.prefix + path, given.values[name], reason, problems)
    minibatch, num_train = gepa.minibatch_size, len(splits.train)
    if "minibatch_size" in given.written and minibatch > num_train > 0:
        reason = f"there are {num_train} training seeds, and all are taken; name more, or lower it"
        _warn(given.key("minibatch_size"), minibatch, reason, problems)
    _warn_of_modules(gepa, policy, stages, problems)
    _warn_of_flavours(gepa, problems)


def _warn_of_modules(
    gepa: GepaConfig, policy: ModelRef | None, stages: Collection[str], problems: Problems
) -> None:
    for index, module in enumerate(gepa.modules):
        prefix = f"gepa.modules[{index}]."
        for name, reason in MODULE_ALWAYS.items():
            if name in module.model_fields_set:
                _warn(prefix + name, getattr(module, name), reason, problems)
        if module.max_tokens is not None and module.module_id not in stages:
            reason = f"the baseline names no stage {module.module_id}; name it in pipeline_modules"
            _warn(f"{prefix}max_tokens", module.max_tokens, reason, problems)
        if module.policy is not None:
            answers = policy.model if policy else "the policy model"
            reason = f"every stage is answered by {answers}, the run's policy; change [policy]"
            _warn(f"{prefix}policy", module.policy.get("model"), reason, problems)


def _warn_of_flavours(gepa: GepaConfig, problems: Problems) -> None:
    flavour = flavour_of(gepa.proposer_type, gepa.proposer_mode)
    mine = f"mutation.{flavour.replace('-', '_')}_"
    for name, value in gepa.proposer_settings.items():
        if not name.startswith(mine):
            reason = f"the proposer in use is {flavour}; set proposer_mode, or remove it"
            _warn(f"gepa.{name}", value, reason, problems)


def _warn(key: str, value: object, reason: str, problems: Problems) -> None:
    problems.warnings.append(f"{key} = {shown(key, value)}: without effect: {reason}")
