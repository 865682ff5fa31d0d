"""Every candidate with its scores, its parents, and what it changed."""

from html import escape

from ray_promptopt.core.ids import CandidateId
from ray_promptopt.core.work import DecisionKind
from ray_promptopt.prompts.demonstrations import shown_texts
from ray_promptopt.report.diff import diff_html
from ray_promptopt.report.search_charts import prompt_tokens
from ray_promptopt.report.tables import candidate_link, heads
from ray_promptopt.store.run_view import CandidateRecord, Fate, RunView, show_score

_MAX_TEXTS = 300
"""A page with the texts of thousands of candidates would be slow; `candidates.json` has all."""


def candidates_table(view: RunView) -> str:
    """In order of appearance; the text as a diff to the first parent, behind a click."""
    records = list(view.candidates.values())
    kept = {id(record) for record in _most_telling(view)}
    stories = _stories(view)
    rows = "".join(
        _row(record, view, stories[record.candidate.id], with_text=id(record) in kept)
        for record in records
    )
    note = ""
    if len(kept) < len(records):
        note = (
            f'<p class="dim">Texts of {len(kept)} candidates are shown; '
            "<code>candidates.json</code> has all.</p>"
        )
    head = heads(
        ("#", True), ("candidate", False), ("fate", False), ("validation", True),
        ("tokens", True), ("what happened", False), ("text, against its parent", False),
    )  # fmt: skip
    return (
        f'{note}<div class="scroll tall"><table id="candidates"><thead>{head}</thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _most_telling(view: RunView) -> list[CandidateRecord]:
    """Accepted ones first, then the rest in order, up to the limit."""
    rest = [record for record in view.candidates.values() if not record.accepted]
    return [*view.accepted, *rest][:_MAX_TEXTS]


def _stories(view: RunView) -> dict[CandidateId, str]:
    """What happened to each candidate, in order, as HTML."""
    stories: dict[CandidateId, list[str]] = {key: [] for key in view.candidates}
    for decision in view.decisions:
        if decision.candidate is None or decision.kind is DecisionKind.NEW_BEST:
            continue
        told = escape(decision.message)
        if decision.lessons:
            told += f" ({', '.join(map(candidate_link, decision.lessons))})"
        stories[decision.candidate.id].append(told)
        for lesson in decision.lessons:
            stories[lesson].append(f"merged into {candidate_link(decision.candidate.id)}")
    for key, record in view.candidates.items():
        stories[key] = stories[key] or [escape(record.message)]
    return {key: "; ".join(story) for key, story in stories.items()}


def _row(record: CandidateRecord, view: RunView, story: str, *, with_text: bool) -> str:
    candidate = record.candidate
    parents = " + ".join(map(candidate_link, record.parents))
    born = f"<br><span class='dim'>from {parents}</span>" if parents else ""
    return (
        f'<tr id="c-{candidate.id}"><td class="n">{record.iteration}</td>'
        f"<td><code>{candidate.id[:8]}</code>{born}</td>"
        f'<td class="fate">{_fate(record, view)}</td>'
        f'<td class="n">{_validation(record)}</td>'
        f'<td class="n">{prompt_tokens(record)}</td><td>{story}</td>'
        f"<td>{_text(record, view) if with_text else ''}</td></tr>"
    )


def _fate(record: CandidateRecord, view: RunView) -> str:
    if record.candidate.id == view.best_id:
        return "<b>best</b>" if record.candidate.id != view.initial_id else "<b>baseline, best</b>"
    if record.candidate.id == view.initial_id:
        return "baseline"
    return "unfinished" if record.fate is Fate.PROPOSED else record.fate


def _validation(record: CandidateRecord) -> str:
    """The mean; of a candidate that was given up on the way, also over how many seeds."""
    shown = show_score(record.validation_mean)
    if record.accepted or not record.validation:
        return shown
    return f"{shown} <span class='dim'>over {len(record.validation)}</span>"


def _text(record: CandidateRecord, view: RunView) -> str:
    parent = view.candidates.get(record.parents[0]) if record.parents else None
    texts = shown_texts(record.candidate)
    before = shown_texts(parent.candidate) if parent else texts
    changed = {
        name: text for name, text in texts.items() if parent is None or before.get(name) != text
    }
    shown = "".join(
        f'<pre class="prompt">{diff_html(before.get(name, ""), text, words=False)}</pre>'
        for name, text in changed.items()
    )
    return (
        f"<details><summary>{escape(', '.join(changed)) or 'same text'}</summary>{shown}</details>"
    )
