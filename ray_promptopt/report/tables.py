"""The report's tables as HTML. Every text is escaped here."""

from html import escape

from ray_promptopt.core.ids import CandidateId
from ray_promptopt.core.usage import Spend
from ray_promptopt.store.run_view import RunView


def spend_table(view: RunView) -> str:
    """Calls, tokens and USD by kind."""
    kinds = (
        ("policy, in the search", view.policy_spend),
        ("reflection", view.reflection_spend),
        ("policy, on held-out seeds", view.held_out_spend),
        ("together", view.spend),
    )
    body = "".join(_spend_row(name, spend, view.spend) for name, spend in kinds)
    head = heads(
        ("kind", False), ("calls", True), ("prompt tokens", True), ("completion tokens", True),
        ("USD", True), ("share", True), ("calls of unknown price", True),
        ("calls from the cache", True), ("calls of a stand-in", True),
    )  # fmt: skip
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def rollouts_table(view: RunView) -> str:
    """Rollouts by purpose."""
    counts = "".join(
        f'<tr><td>{escape(purpose.replace("_", " "))}</td><td class="n">{count}</td></tr>'
        for purpose, count in view.rollouts_by_purpose.items()
    )
    head = heads(("rollouts", False), ("count", True))
    return f"<table><thead>{head}</thead><tbody>{counts}</tbody></table>"


def failures_table(view: RunView) -> str:
    """Attempts that failed, with their reasons; empty when there was none."""
    if not view.failed_attempts:
        return '<p class="dim">No attempt failed.</p>'
    rows = "".join(
        f"<tr><td>{escape(attempt.work_id)}</td><td>{escape(attempt.kind)}</td>"
        f"<td>{escape(attempt.message)}</td></tr>"
        for attempt in view.failed_attempts[-200:]
    )
    head = heads(("work item", False), ("kind", False), ("what happened", False))
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _spend_row(name: str, spend: Spend, total: Spend) -> str:
    figures = (
        f"{spend.calls:,}",
        f"{spend.usage.prompt_tokens:,}",
        f"{spend.usage.completion_tokens:,}",
        f"{spend.cost_usd:.4f}",
        f"{spend.cost_usd / (total.cost_usd or 1.0):.0%}",
        f"{spend.unpriced_calls}",
        f"{spend.cached_calls}",
        f"{spend.fallback_calls}",
    )
    cells = "".join(f'<td class="n">{figure}</td>' for figure in figures)
    return f"<tr><td>{name}</td>{cells}</tr>"


def heads(*columns: tuple[str, bool]) -> str:
    """A head row that sorts by a click; the flag says whether a column holds numbers."""
    cells = "".join(
        f'<th data-sort tabindex="0" class="{"n" if number else ""}">{escape(name)}</th>'
        for name, number in columns
    )
    return f"<tr>{cells}</tr>"


def candidate_link(candidate_id: CandidateId) -> str:
    """A candidate's short name, which leads to its row."""
    return f'<a href="#c-{candidate_id}">{candidate_id[:8]}</a>'
