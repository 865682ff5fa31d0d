"""The report's tables as HTML. Every text is escaped here."""

from html import escape

from ray_promptopt.core.usage import Spend
from ray_promptopt.store.run_view import CandidateRecord, RunView


def examples_table(before: CandidateRecord, after: CandidateRecord) -> str:
    """Per validation example: score before and after, the input, both answers, the feedback."""
    rows = []
    for seed in sorted(before.validation.keys() | after.validation.keys()):
        old, new = before.validation.get(seed), after.validation.get(seed)
        known = new or old
        change = (new.score if new else 0.0) - (old.score if old else 0.0)
        kind = "same" if not (old and new) or change == 0 else "up" if change > 0 else "down"
        rows.append(
            f'<tr class="{kind}"><td class="n">{seed}</td>'
            f"<td>{escape(known.evidence.inputs if known else '')}</td>"
            f'<td class="n">{_score(old.score if old else None)}</td>'
            f'<td class="n">{_score(new.score if new else None)}</td>'
            f"<td><code>{escape(old.evidence.output if old else '')}</code></td>"
            f"<td><code>{escape(new.evidence.output if new else '')}</code></td>"
            f"<td>{escape(known.evidence.feedback if known else '')}</td></tr>"
        )
    heads = _heads(
        ("seed", True), ("input", False), ("baseline", True), ("best", True),
        ("baseline's answer", False), ("best's answer", False), ("feedback", False),
    )  # fmt: skip
    return (
        '<label class="filter"><input type="checkbox" id="changed-only"> changed ones alone</label>'
        f'<div class="scroll"><table id="examples"><thead>{heads}</thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def spend_table(view: RunView) -> str:
    """Calls, tokens and USD by kind."""
    kinds = (
        ("policy", view.policy_spend),
        ("reflection", view.reflection_spend),
        ("held-out", view.held_out_spend),
        ("all", view.spend),
    )
    body = "".join(_spend_row(name, spend) for name, spend in kinds)
    heads = _heads(
        ("kind", False), ("calls", True), ("prompt tokens", True), ("completion tokens", True),
        ("USD", True), ("calls of unknown price", True),
    )  # fmt: skip
    return f'<div class="scroll"><table><thead>{heads}</thead><tbody>{body}</tbody></table></div>'


def rollouts_table(view: RunView) -> str:
    """Rollouts by purpose, and failed attempts by reason."""
    counts = "".join(
        f'<tr><td>{escape(purpose.replace("_", " "))}</td><td class="n">{count}</td></tr>'
        for purpose, count in view.rollouts_by_purpose.items()
    )
    heads = _heads(("rollouts", False), ("count", True))
    return f"<table><thead>{heads}</thead><tbody>{counts}</tbody></table>"


def failures_table(view: RunView) -> str:
    """Attempts that failed, with their reasons; empty when there was none."""
    if not view.failed_attempts:
        return '<p class="dim">No attempt failed.</p>'
    rows = "".join(
        f"<tr><td>{escape(attempt.work_id)}</td><td>{escape(attempt.kind)}</td>"
        f"<td>{escape(attempt.message)}</td></tr>"
        for attempt in view.failed_attempts[-200:]
    )
    heads = _heads(("work item", False), ("kind", False), ("what happened", False))
    return f'<div class="scroll"><table><thead>{heads}</thead><tbody>{rows}</tbody></table></div>'


def _spend_row(name: str, spend: Spend) -> str:
    figures = (
        f"{spend.calls}",
        f"{spend.usage.prompt_tokens}",
        f"{spend.usage.completion_tokens}",
        f"{spend.cost_usd:.4f}",
        f"{spend.unpriced_calls}",
    )
    cells = "".join(f'<td class="n">{figure}</td>' for figure in figures)
    return f"<tr><td>{name}</td>{cells}</tr>"


def _heads(*columns: tuple[str, bool]) -> str:
    cells = "".join(
        f'<th data-sort class="{"n" if number else ""}">{escape(name)}</th>'
        for name, number in columns
    )
    return f"<tr>{cells}</tr>"


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:g}"
