"""Tables of existing configs that are known, checked, kept as written, and do nothing here."""

from collections.abc import Mapping

from ray_promptopt.config.gather import Problems, refuse_unknown
from ray_promptopt.config.keys import EFFECTLESS

_JUDGE_NEEDS = ("backend_base", "backend_provider", "backend_model")


def read_effectless(
    tables: Mapping[str, Mapping[str, object]], problems: Problems
) -> dict[str, object]:
    """The tables found in `tables` (key prefix to table), by name; the first one counts."""
    kept: dict[str, object] = {}
    for prefix, holder in tables.items():
        for name, known in EFFECTLESS.items():
            table = holder.get(name)
            if table is None or name in kept:
                continue
            key = f"{prefix}{name}"
            if not isinstance(table, Mapping):
                problems.add(key, table, "make it a table")
                continue
            refuse_unknown(table, known, prefix=f"{key}.", problems=problems)
            if name == "judge":
                _refuse_bad_judge(table, key, problems)
            if name != "judge" or table.get("enabled"):
                problems.warnings.append(f"{key}: read, but it has no effect")
            kept[name] = dict(table)
    return kept


def _refuse_bad_judge(table: Mapping[str, object], key: str, problems: Problems) -> None:
    if not table.get("enabled"):
        return
    for name in _JUDGE_NEEDS:
        if not table.get(name):
            problems.add(f"{key}.{name}", None, "an enabled judge needs it")
    if table.get("reward_source") == "fused" and not (
        table.get("weight_event") or table.get("weight_outcome")
    ):
        problems.add(f"{key}.weight_outcome", 0, "fused needs weight_event or weight_outcome > 0")
