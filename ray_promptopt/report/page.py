"""The report: one HTML file with everything in it, for a run at any point of its life."""

import json
from html import escape
from importlib.resources import files
from pathlib import Path

from ray_promptopt.prompts.demonstrations import shown_texts
from ray_promptopt.report.candidates import candidates_table
from ray_promptopt.report.combinations import combinations_section
from ray_promptopt.report.diff import diff_html
from ray_promptopt.report.examples import examples_table
from ray_promptopt.report.held_out import held_out_section
from ray_promptopt.report.lineage import lineage_svg
from ray_promptopt.report.mipro import beliefs_section, trials_figure
from ray_promptopt.report.search_charts import LEGEND, curve_figure, front_figure, prompt_tokens
from ray_promptopt.report.tables import failures_table, rollouts_table, spend_table
from ray_promptopt.runs.comparison import held_out_comparison
from ray_promptopt.store.run_folder import write_whole
from ray_promptopt.store.run_view import CandidateRecord, RunStatus, RunView, show_score

_NO_SCRIPT_FROM_TEXTS = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
)
"""Nothing may be fetched, whatever a text of the run tries."""

_LINEAGE_CAPTION = (
    "From the baseline on the left; a number is a candidate's mean validation reward and leads to "
    "its row. Dashes lead from the other parents of a merge; below is how many lessons it merged."
)


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
    if view.initial is not None:
        sections += _search_sections(view, view.initial, view.best or view.initial)
    sections.append(
        f"<h2>Spend</h2>{spend_table(view)}<h2>Rollouts</h2>{rollouts_table(view)}"
        f"<h2>Failed attempts</h2>{failures_table(view)}"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_SCRIPT_FROM_TEXTS}">'
        f"<title>{escape(view.name)} · {escape(view.run_id)}</title><style>{style}</style></head>"
        f"<body><main>{''.join(sections)}</main><script>{script}</script></body></html>"
    )


def _search_sections(view: RunView, initial: CandidateRecord, best: CandidateRecord) -> list[str]:
    sections = [
        f"<h2>Held-out comparison</h2>{held_out_section(view)}",
        _prompts(initial, best),
    ]
    is_mipro = json.loads(view.config_json)["algorithm"] == "mipro"
    over_time = trials_figure(view) if is_mipro else curve_figure(view)
    charts = over_time + front_figure(view)
    if charts:
        sections.append(f'<h2>Search</h2>{LEGEND}<div class="charts">{charts}</div>')
    if is_mipro:
        sections += [beliefs_section(view), combinations_section(view)]
    sections += [
        f'<h2>Lineage</h2><figure id="lineage"><figcaption>{_LINEAGE_CAPTION}</figcaption>'
        f'<div class="scroll tall">{lineage_svg(view)}</div></figure>',
        f"<h2>Candidates</h2>{candidates_table(view)}",
    ]
    if initial.validation or best.validation:
        table = examples_table(initial.validation, best.validation)
        sections.append(f"<h2>Validation examples</h2>{table}")
    if initial.held_out or best.held_out:
        table = examples_table(initial.held_out, best.held_out)
        sections.append(f"<h2>Held-out examples</h2>{table}")
    return sections


def _header(view: RunView) -> str:
    config = json.loads(view.config_json)
    policy, reflection = config["policy"], config["reflection"]
    models = f"{policy['model']} (policy), {reflection['model']} (reflection)"
    parts = [
        f"<h1>{escape(view.name)} <code class='dim'>{escape(view.run_id)}</code></h1>"
        f"<p class='dim'>{escape(config['algorithm'].upper())} · {escape(models)} · "
        f"<span class='status {view.status}'>{escape(view.status)}</span>"
    ]
    if view.reason and view.status is RunStatus.SUCCEEDED:
        parts.append(f": {escape(view.reason)}")
    parts.append("</p>")
    if view.status is not RunStatus.SUCCEEDED:
        reason = escape(view.reason) or "the run has not come to its end"
        parts.append(
            f'<p class="note warn"><b>This run is {escape(view.status)}:</b> {reason}. What '
            "follows is what was counted so far; <code>ray-promptopt resume "
            f"{escape(view.run_id)}</code> goes on from there.</p>"
        )
    if "embedded" in (policy["provider"], reflection["provider"]):
        parts.append(
            '<p class="note">Figures of the embedded stand-in models: they show that the search '
            "works, and say nothing about a real LLM.</p>"
        )
    return "".join(parts)


def _tiles(view: RunView) -> str:
    budget = json.loads(view.config_json)["limits"]["max_rollouts"]
    best = view.best.validation_mean if view.best else None
    initial = view.initial.validation_mean if view.initial else None
    unpriced = f", {view.spend.unpriced_calls} calls unpriced" if view.spend.unpriced_calls else ""
    tiles = [
        _held_out(view),
        (f"{show_score(initial)} → {show_score(best)}", "validation: the best is chosen by it"),
        (f"{view.search_rollouts:,} / {budget:,}", "rollouts of the search / budget"),
        (f"${view.spend.cost_usd:.4f}", f"{view.spend.usage.total_tokens:,} tokens{unpriced}"),
        (f"{len(view.accepted)} / {len(view.candidates)}", "candidates accepted / tried"),
    ]
    cells = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(words)}</span></div>'
        for value, words in tiles
    )
    return f'<div class="tiles">{cells}</div>'


def _held_out(view: RunView) -> tuple[str, str]:
    comparison = held_out_comparison(view)
    if comparison is None:
        return "-", "held-out: not compared"
    figures = f"{comparison.baseline_mean:.3f} → {comparison.candidate_mean:.3f}"
    if not comparison.distinguishable:
        return figures, "held-out: not distinguishable from the baseline"
    return figures, f"held-out, {comparison.num_seeds} seeds"


def _prompts(initial: CandidateRecord, best: CandidateRecord) -> str:
    before, after = shown_texts(initial.candidate), shown_texts(best.candidate)
    if before == after:
        shown = "".join(_prompt(name, escape(text), len(before)) for name, text in before.items())
        return f"<h2>Baseline prompt</h2>{shown}"
    diffs = "".join(
        _prompt(name, diff_html(before.get(name, ""), text), len(after))
        for name, text in after.items()
    )
    plain = "".join(_prompt(name, escape(text), len(after)) for name, text in after.items())
    return (
        "<h2>Best prompt, against the baseline</h2>"
        f'<p class="dim">{prompt_tokens(initial)} → {prompt_tokens(best)} tokens (estimated); '
        f"<ins>added</ins>, <del>removed</del></p>{diffs}"
        f"<details><summary>as plain text, to copy</summary>{plain}</details>"
    )


def _prompt(name: str, html: str, num_components: int) -> str:
    head = f"<h3>{escape(name)}</h3>" if num_components > 1 else ""
    return f'{head}<pre class="prompt">{html}</pre>'
