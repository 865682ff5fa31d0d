"""Generational settings in the terms of a search without generations."""

from ray_promptopt.config.gather import Gathered, Problems
from ray_promptopt.config.schema_gepa import GepaConfig

_VARIANTS_SHARE = 4
"""Versions without evidence may use one rollout in so many."""


def with_generations(
    gepa: GepaConfig, given: Gathered, max_rollouts: int, problems: Problems
) -> GepaConfig:
    """What `given` says of generations, as numbers of proposals: how many variants come first,
    after how many proposals the search ends, and after how many without a new best."""
    written = given.written
    num_variants = _num_variants(gepa, given, max_rollouts, problems)
    children = gepa.children_per_generation
    limits: dict[str, int] = {"num_variants": num_variants}
    if "patience_generations" in written:
        limits["patience"] = gepa.patience_generations * children
    if "num_generations" in written or "children_per_generation" in written:
        limits["max_proposals"] = num_variants + gepa.num_generations * children
    return gepa.model_copy(update=limits)


def _num_variants(gepa: GepaConfig, given: Gathered, max_rollouts: int, problems: Problems) -> int:
    if "initial_population_size" not in given.written:
        return 0
    key, wanted = given.key("initial_population_size"), gepa.initial_population_size - 1
    if gepa.schedule == "reference":
        if wanted:
            problems.warnings.append(
                f'{key} = {wanted + 1}: without effect, since schedule = "reference" begins with '
                'the baseline alone; use schedule = "async", or remove it'
            )
        return 0
    affordable = max_rollouts // (_VARIANTS_SHARE * 2 * gepa.minibatch_size)
    if wanted > affordable:
        problems.warnings.append(
            f"{key} = {wanted + 1}: the baseline and {affordable} more are tried, as many as a "
            f"quarter of {max_rollouts} rollouts pays for; raise the budget, or lower it"
        )
    return min(wanted, affordable)
