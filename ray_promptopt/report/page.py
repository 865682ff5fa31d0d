"""The report: one HTML file with everything in it, for a run at any point of its life."""

import json
from html import escape
from importlib.resources import files
from pathlib import Path

from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.core.work import DecisionKind, Purpose
from ray_promptopt.report.charts import Mark, padded, scatter, step_chart
from ray_promptopt.report.diff import diff_html
from ray_promptopt.report.lineage import lineage_svg
from ray_promptopt.report.tables import (
    examples_table,
    failures_table,
    rollouts_table,
    spend_table,
)
from ray_promptopt.runs.comparison import held_out_comparison
from ray_promptopt.store.run_folder import write_whole
from ray_promptopt.store.run_view import CandidateRecord, RunView, show_score

_MARKED = {
    DecisionKind.CANDIDATE_SCORED: "accepted",
    DecisionKind.CANDIDATE_REJECTED: "rejected",
}


def write_report(view: RunView, path: Path) -> None:
    """Write the page whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render_report(view))


def render_report(view: RunView) -> str:
    """The page. Texts of prompts and task apps are escaped, nothing is loaded from elsewhere."""
    resources = files("ray_promptopt.report")
    style = (resources / "style.css").read_text(encoding="utf-8")
    script = (resources / "script.js").read_text(encoding="utf-8")
    sections = [_header(view), _tiles(view)]
    if view.initial is not None and view.best is not None:
        sections += [
            _prompts(view.initial, view.best),
            _charts(view),
            f'<h2>Lineage</h2><figure class="scroll">{lineage_svg(view)}</figure>',
            f"<h2>Validation examples</h2>{examples_table(view.initial, view.best)}",
        ]
    sections.append(
        f"<h2>Spend</h2>{spend_table(view)}<h2>Rollouts</h2>{rollouts_table(view)}"
        f"<h2>Failed attempts</h2>{failures_table(view)}"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(view.run_id)}</title><style>{style}</style></head>"
        f"<body><main>{''.join(sections)}</main><script>{script}</script></body></html>"
    )


def _header(view: RunView) -> str:
    config = json.loads(view.config_json)
    models = f"{config['policy']['model']} (policy), {config['reflection']['model']} (reflection)"
    note = ""
    if "embedded" in (config["policy"]["provider"], config["reflection"]["provider"]):
        note = (
            '<p class="note">Figures of the embedded stand-in models: they show that the search '
            "works, and say nothing about a real LLM.</p>"
        )
    return (
        f"<h1>{escape(view.name)} <code class='dim'>{escape(view.run_id)}</code></h1>"
        f"<p class='dim'>{escape(config['algorithm'].upper())} · {escape(models)} · "
        f"{escape(view.status)}{': ' if view.reason else ''}{escape(view.reason)}</p>{note}"
    )


def _tiles(view: RunView) -> str:
    budget = json.loads(view.config_json)["limits"]["max_rollouts"]
    best = view.best.validation_mean if view.best else None
    initial = view.initial.validation_mean if view.initial else None
    tiles = [
        (f"{show_score(initial)} → {show_score(best)}", "validation, baseline → best"),
        (*_held_out(view),),
        (f"{view.search_rollouts} / {budget}", "rollouts of the search / budget"),
        (f"${view.spend.cost_usd:.4f}", f"{view.spend.usage.total_tokens:,} tokens"),
        (f"{len(view.accepted)} / {len(view.candidates)}", "candidates accepted / proposed"),
    ]
    cells = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(words)}</span></div>'
        for value, words in tiles
    )
    return f'<div class="tiles">{cells}</div>'


def _held_out(view: RunView) -> tuple[str, str]:
    comparison = held_out_comparison(view)
    if comparison is None:
        done = view.rollouts_by_purpose.get(Purpose.HELD_OUT, 0)
        return "-", "held-out: nothing better was found" if done else "held-out: not evaluated"
    words = (
        f"held-out, {comparison.num_seeds} seeds: {comparison.difference:+.3f} "
        f"(95 % interval {comparison.low:+.3f} to {comparison.high:+.3f})"
    )
    if not comparison.distinguishable:
        words += ", not distinguishable from the baseline"
    return f"{comparison.baseline_mean:.3f} → {comparison.candidate_mean:.3f}", words


def _prompts(initial: CandidateRecord, best: CandidateRecord) -> str:
    before, after = initial.candidate.texts, best.candidate.texts
    parts = ["<h2>Best prompt, against the baseline</h2>"]
    for name, text in after.items():
        if len(after) > 1:
            parts.append(f"<h3>{escape(name)}</h3>")
        parts.append(f'<pre class="prompt">{diff_html(before.get(name, ""), text)}</pre>')
    return "".join(parts)


def _charts(view: RunView) -> str:
    marks = [
        Mark(point.rollouts, point.score, _MARKED[point.kind], f"{point.candidate_id}")
        for point in view.curve
        if point.kind in _MARKED and point.score is not None
        and point.kind is DecisionKind.CANDIDATE_SCORED
    ]  # fmt: skip
    line = [(point.rollouts, point.best) for point in view.curve if point.best is not None]
    rejected = sum(point.kind is DecisionKind.CANDIDATE_REJECTED for point in view.curve)
    scored = [record for record in view.accepted if record.validation_mean is not None]
    if not line or not scored:
        return ""
    heights = [value for _, value in line] + [mark.y for mark in marks]
    curve = step_chart(
        line,
        marks,
        padded([0, view.search_rollouts], "rollouts", low=0),
        padded(heights, "mean validation reward"),
    )
    points = _front_marks(view, scored)
    front = scatter(
        points,
        padded([point.x for point in points], "prompt length, tokens (estimated)"),
        padded([point.y for point in points], "mean validation reward"),
    )
    return (
        '<h2>Search</h2><div class="charts">'
        f"<figure><figcaption>Best score over rollouts; dots are accepted candidates, "
        f"{rejected} were rejected on their minibatch</figcaption>{curve}</figure>"
        f"<figure><figcaption>Reward and prompt length; green is not dominated</figcaption>{front}"
        "</figure></div>"
    )


def _front_marks(view: RunView, scored: list[CandidateRecord]) -> list[Mark]:
    points = [(_tokens(record), record.validation_mean or 0.0, record) for record in scored]
    marks = []
    for length, mean, record in points:
        dominated = any(
            other <= length and score >= mean and (other < length or score > mean)
            for other, score, _ in points
        )
        kind = "dominated" if dominated else "front"
        if record.candidate.id == view.best_id:
            kind = "best"
        elif record.candidate.id == view.initial_id:
            kind = "initial"
        label = f"{record.candidate.id}: {mean:.3f}, {length:.0f} tokens"
        marks.append(Mark(length, mean, kind, label))
    return marks


def _tokens(record: CandidateRecord) -> int:
    return sum(map(estimate_tokens, record.candidate.texts.values()))
