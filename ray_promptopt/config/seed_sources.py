"""Where the seeds of a run may be written: the algorithm's table, the top level, env_config."""

from collections.abc import Mapping

from ray_promptopt.config.gather import Gathered, Keys, Problems, gather, merge
from ray_promptopt.config.keys import (
    ENV_SEEDS,
    GEPA_SEEDS,
    MIPRO_SEED_FALLBACKS,
    MIPRO_SEEDS,
    TOP_MIPRO_SEEDS,
    TOP_SEEDS,
)


def gather_seeds(
    algorithm: str,
    table: Mapping[str, object],
    section: Mapping[str, object],
    env_config: Mapping[str, object],
    problems: Problems,
) -> Gathered:
    """What is written for each part: what the algorithm's own keys say, else the fallbacks."""
    prefix = f"{algorithm}."
    of_environment = _pools(
        gather(env_config, ENV_SEEDS, prefix="env_config.", problems=Problems())
    )
    if algorithm == "gepa":
        own = merge(
            gather(section, GEPA_SEEDS, prefix=prefix, problems=problems),
            gather(table, TOP_SEEDS, prefix="", problems=problems),
            problems=problems,
        )
        return merge(own, of_environment, problems=None)
    own = merge(
        gather(section, MIPRO_SEEDS, prefix=prefix, problems=problems),
        gather(table, TOP_MIPRO_SEEDS, prefix="", problems=problems),
        problems=problems,
    )
    return merge(
        own,
        of_environment,
        _fallback(section, MIPRO_SEED_FALLBACKS, prefix),
        _fallback(table, TOP_SEEDS, ""),
        problems=None,
    )


def _fallback(table: Mapping[str, object], keys: Keys, prefix: str) -> Gathered:
    return gather(table, keys, prefix=prefix, problems=Problems())


def _pools(gathered: Gathered) -> Gathered:
    """Without names: `env_config.test_pool = "test"` is a data split, not a list of seeds."""
    values: dict[str, object] = {
        name: value for name, value in gathered.values.items() if isinstance(value, list | Mapping)
    }
    return Gathered(gathered.prefix, values, gathered.written)
