"""Seeds of a run: lists and ranges read, parts chosen, overlaps between parts refused."""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations

from ray_promptopt.config.gather import Gathered, Problems
from ray_promptopt.config.schema import Splits

MIN_TRAIN_SEEDS = 3
"""Training seeds that must be left when some are set aside for validation."""

Seeds = tuple[int, ...]

PARTS = ("train", "validation", "test", "reference")

_SHOWN_SEEDS = 10
_MOST_SEEDS = 1_000_000
_RANGE_KEYS = {"start", "end", "step"}


def read_seeds(value: object, key: str, problems: Problems) -> Seeds | None:
    """A list of seeds or `{start, end, step}` (end exclusive); None when it is neither."""
    if isinstance(value, Mapping):
        return _read_range(value, key, problems)
    if not isinstance(value, list | tuple) or not all(_is_seed(item) for item in value):
        problems.add(
            key, value, "give a list of whole numbers from 0, or {start = 0, end = 10, step = 1}"
        )
        return None
    repeated = sorted(seed for seed, count in Counter(value).items() if count > 1)
    if repeated:
        problems.add(key, repeated, "name each seed once")
        return None
    return tuple(value)


def read_splits(seeds: Gathered, env_config: Mapping[str, object], problems: Problems) -> Splits:
    """All parts, each with its data split, and no seed in two parts of one split."""
    parts = {
        part: read_seeds(seeds.values[part], seeds.key(part), problems) or ()
        for part in PARTS
        if part in seeds.values
    }
    splits = Splits(
        train=parts.get("train", ()),
        validation=parts.get("validation", ()),
        test=parts.get("test", ()),
        reference=parts.get("reference", ()),
        train_split=_split("train", env_config),
        validation_split=_named(seeds.values.get("validation_split"))
        or _split("validation", env_config),
        test_split=_split("test", env_config),
    )
    pool = seeds.values.get("validation_split")
    if pool is not None and _named(pool) is None:
        problems.add(seeds.key("validation_split"), pool, "give the name of a data split")
    _refuse_overlaps(splits, seeds, problems)
    return splits


def set_validation_aside(
    splits: Splits, size: int, key: str, written: float, problems: Problems
) -> Splits:
    """The first `size` training seeds, as `key` says, become the validation seeds."""
    left = len(splits.train) - size
    if size < 1:
        problems.add(key, written, "leaves no seed for validation; give validation_seeds")
        return splits
    if left < MIN_TRAIN_SEEDS:
        problems.add(
            key,
            written,
            f"leaves {max(left, 0)} of {len(splits.train)} training seeds, at least "
            f"{MIN_TRAIN_SEEDS} are needed; give validation_seeds, or set fewer aside",
        )
        return splits
    return splits.model_copy(
        update={
            "validation": splits.train[:size],
            "train": splits.train[size:],
            "validation_split": splits.train_split,
        }
    )


def _read_range(value: Mapping[str, object], key: str, problems: Problems) -> Seeds | None:
    bounds = (value.get("start", 0), value.get("end"), value.get("step", 1))
    numbers = [number for number in bounds if isinstance(number, int) and _is_seed(number)]
    if set(value) - _RANGE_KEYS or len(numbers) < len(bounds):
        problems.add(
            key, value, "a range is {start = 0, end = 10, step = 1} in whole numbers from 0"
        )
        return None
    start, end, step = numbers
    seeds = range(start, end, step) if step else range(0)
    if not 0 < len(seeds) <= _MOST_SEEDS:
        problems.add(
            key,
            f"start {start}, end {end}, step {step}",
            f"holds {len(seeds)} seeds; choose end above start and step above 0, "
            f"for 1 to {_MOST_SEEDS} seeds",
        )
        return None
    return tuple(seeds)


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _named(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _split(part: str, env_config: Mapping[str, object]) -> str | None:
    names = (f"{part}_split", f"{part}_pool", "split", "pool")
    return next((name for key in names if (name := _named(env_config.get(key)))), None)


def _refuse_overlaps(splits: Splits, seeds: Gathered, problems: Problems) -> None:
    split_of = {
        "train": splits.train_split,
        "validation": splits.validation_split,
        "test": splits.test_split,
        "reference": splits.train_split,
    }
    for first, second in combinations(PARTS, 2):
        one, other = split_of[first], split_of[second]
        if one is not None and other is not None and one != other:
            continue
        common = sorted(set(getattr(splits, first)) & set(getattr(splits, second)))
        if common:
            problems.add(
                seeds.key(second),
                _some(common),
                f"also in {seeds.key(first)}; a seed has one use (or name the data splits apart "
                f"in env_config: train_split, validation_split, test_split)",
            )


def _some(seeds: list[int]) -> list[int | str]:
    more = len(seeds) - _SHOWN_SEEDS
    return [*seeds[:_SHOWN_SEEDS], *([f"{more} more"] if more > 0 else [])]
