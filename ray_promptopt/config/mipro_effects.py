"""MIPRO keys that were given and do nothing: each gets a warning.

Configs written for other optimizers carry such keys, so that they are no faults; a key without
effect must not look as if it had one.
"""

from collections.abc import Mapping

from ray_promptopt.config.gather import Gathered, Problems, shown
from ray_promptopt.config.schema_mipro import MiproConfig

WITHOUT_EFFECT = {
    "strict_bootstrap": "too few demonstrations always end the run; set min_bootstrap_demos",
    "max_demo_sets": "demo.sets_per_size says how many sets are made",
    "max_instruction_sets": "grounding.n and meta_update.keep_k say how many are kept",
    "instructions_per_batch": "each instruction is asked for in a call of its own",
    "duplicate_retry_limit": "a combination is never run twice",
    "generate_at_iterations": "meta_update.every_iterations says when instructions are renewed",
    "proposer_mode": "MIPRO words its requests in one way",
    "proposer_output_tokens": "the meta model's max_tokens limits its answers",
    "token_counting_model": "tokens are counted by the provider",
    "results_file": "results are written to the results folder",
}
"""Key to what does it instead."""

TABLE_KEYS_WITHOUT_EFFECT = {
    "tpe": ("alpha", "categorical_alpha"),
    "grounding": ("temperature", "max_tokens"),
    "meta_update": ("validate_on_batch", "regen_temperature_decay"),
}


def warn_of_no_effect(mipro: MiproConfig, given: Gathered, problems: Problems) -> None:
    """Warn of every key that was written and changes nothing."""
    for name, remedy in WITHOUT_EFFECT.items():
        if name in given.values:
            key = given.key(name)
            value = shown(key, given.values[name])
            problems.warnings.append(f"{key} = {value}: without effect: {remedy}")
    if mipro.spec is None:
        for name in ("spec_max_tokens", "spec_include_examples", "spec_priority_threshold"):
            if name in given.values:
                problems.warnings.append(f"{given.key(name)}: without effect: give a spec_path")
    for table, names in TABLE_KEYS_WITHOUT_EFFECT.items():
        written = given.values.get(table)
        if isinstance(written, Mapping):
            problems.warnings += [
                f"{given.key(table)}.{name}: without effect: remove it"
                for name in names
                if name in written
            ]
