"""The lineage of the accepted candidates as a tree in SVG, by generation from left to right."""

from html import escape

from ray_promptopt.core.ids import CandidateId
from ray_promptopt.store.run_view import CandidateRecord, RunView

_COLUMN, _ROW, _MARGIN = 96, 58, 34
_LIFT = 56


def lineage_svg(view: RunView) -> str:
    """Nodes carry the validation mean and lead to their row; a merge has two lines coming in.

    Rows are given to the leaves in order, so that the branches of the first parents never cross.
    """
    records = view.accepted
    depths = _depths(records)
    rows = _rows(records)
    places = {key: (_MARGIN + depths[key] * _COLUMN, _MARGIN + rows[key] * _ROW) for key in depths}
    edges = "".join(
        _edge(places[parent], places[record.candidate.id], second=number > 0)
        for record in records
        for number, parent in enumerate(record.parents)
        if parent in places
    )
    nodes = "".join(_node(record, places[record.candidate.id], view) for record in records)
    width = _MARGIN * 2 + _COLUMN * max(depths.values())
    height = round(_MARGIN * 2 + _ROW * max(rows.values()))
    return (
        f'<svg class="tree" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><title>Lineage of {len(records)} accepted candidates</title>'
        f"{edges}{nodes}</svg>"
    )


def _depths(records: list[CandidateRecord]) -> dict[CandidateId, int]:
    """Steps from the initial candidate, along the longest way; parents come before children."""
    depths: dict[CandidateId, int] = {}
    for record in records:
        known = [depths[parent] for parent in record.parents if parent in depths]
        depths[record.candidate.id] = max(known, default=-1) + 1
    return depths


def _rows(records: list[CandidateRecord]) -> dict[CandidateId, float]:
    """A row per leaf, depth first; a parent stands at its first child's height."""
    known = {record.candidate.id for record in records}
    children: dict[CandidateId | None, list[CandidateId]] = {}
    for record in records:
        first = next((parent for parent in record.parents if parent in known), None)
        children.setdefault(first, []).append(record.candidate.id)
    rows: dict[CandidateId, float] = {}
    next_row = 0
    waiting = [*reversed(children.get(None, []))]
    while waiting:
        key = waiting.pop()
        rows[key] = next_row
        below = children.get(key, [])
        if not below:
            next_row += 1
        waiting += reversed(below)
    return rows


def _edge(start: tuple[float, float], end: tuple[float, float], *, second: bool) -> str:
    middle = (start[0] + end[0]) / 2
    kind = "edge merged" if second else "edge"
    if second and start[1] == end[1]:
        over = f"Q{middle},{start[1] - _LIFT}"  # what stands between them
        return f'<path class="{kind}" d="M{start[0]},{start[1]} {over} {end[0]},{end[1]}"/>'
    return (
        f'<path class="{kind}" d="M{start[0]},{start[1]} C{middle},{start[1]} {middle},{end[1]} '
        f'{end[0]},{end[1]}"/>'
    )


def _node(record: CandidateRecord, place: tuple[float, float], view: RunView) -> str:
    mean = record.validation_mean
    kind = "accepted"
    if record.candidate.id == view.initial_id:
        kind = "initial"
    if record.candidate.id == view.best_id:
        kind = "best"
    label = escape(f"{record.candidate.id}: {record.message}")
    score = "-" if mean is None else f"{mean:.2f}"
    merged = len(record.lessons)
    below = (
        f'<text class="lessons" x="{place[0]}" y="{place[1] + 31}" text-anchor="middle">+{merged}'
        "</text>"
        if merged
        else ""
    )
    return (
        f'<a href="#c-{record.candidate.id}" class="node {kind}"><title>{label}</title>'
        f'<circle cx="{place[0]}" cy="{place[1]}" r="17"/>'
        f'<text x="{place[0]}" y="{place[1] + 4}" text-anchor="middle">{score}</text>{below}</a>'
    )
