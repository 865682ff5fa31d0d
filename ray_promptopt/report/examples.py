"""Per example: what the baseline and the best prompt made of it."""

from collections.abc import Mapping
from html import escape

from ray_promptopt.core.work import RolloutOutcome
from ray_promptopt.report.tables import heads

Outcomes = Mapping[int, RolloutOutcome]


def examples_table(before: Outcomes, after: Outcomes) -> str:
    """Outcomes by seed: score before and after, the input, both answers, the feedback."""
    rows = "".join(
        _row(seed, before.get(seed), after.get(seed))
        for seed in sorted(before.keys() | after.keys())
    )
    head = heads(
        ("seed", True), ("input", False), ("baseline", True), ("best", True),
        ("baseline's answer", False), ("best's answer", False), ("feedback to the best", False),
    )  # fmt: skip
    return (
        '<label class="filter"><input type="checkbox" data-changed-only> only the examples whose '
        'score changed</label><div class="scroll tall"><table class="examples"><thead>'
        f"{head}</thead><tbody>{rows}</tbody></table></div>"
    )


def _row(seed: int, old: RolloutOutcome | None, new: RolloutOutcome | None) -> str:
    known = new or old
    change = new.score - old.score if new and old else 0.0
    kind = "up" if change > 0 else "down" if change < 0 else "same"
    arrow = {"up": " ▲", "down": " ▼", "same": ""}[kind]
    return (
        f'<tr class="{kind}"><td class="n">{seed}</td>'
        f"<td>{escape(known.evidence.inputs if known else '')}</td>"
        f'<td class="n">{_score(old)}</td><td class="n">{_score(new)}{arrow}</td>'
        f"<td><code>{escape(old.evidence.output if old else '')}</code></td>"
        f"<td><code>{escape(new.evidence.output if new else '')}</code></td>"
        f"<td>{escape(new.evidence.feedback if new else '')}</td></tr>"
    )


def _score(outcome: RolloutOutcome | None) -> str:
    return "" if outcome is None else f"{outcome.score:.3g}"
