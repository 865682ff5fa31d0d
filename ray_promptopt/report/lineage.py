"""The lineage of the accepted candidates as a tree in SVG, by generation from left to right."""

from html import escape

from ray_promptopt.core.ids import CandidateId
from ray_promptopt.store.run_view import CandidateRecord, RunView

_COLUMN, _ROW, _MARGIN = 118, 46, 34


def lineage_svg(view: RunView) -> str:
    """Nodes carry the validation mean; a merge has two lines coming in."""
    records = view.accepted
    depths = _depths(records)
    columns: dict[int, list[CandidateRecord]] = {}
    for record in records:
        columns.setdefault(depths[record.candidate.id], []).append(record)
    places = {
        record.candidate.id: (_MARGIN + depth * _COLUMN, _MARGIN + row * _ROW)
        for depth, column in columns.items()
        for row, record in enumerate(column)
    }
    lines = [
        _edge(places[parent], places[record.candidate.id])
        for record in records
        for parent in record.parents
        if parent in places
    ]
    nodes = [_node(record, places[record.candidate.id], view) for record in records]
    width = _MARGIN * 2 + _COLUMN * max(columns) + 24
    height = _MARGIN * 2 + _ROW * (max(map(len, columns.values())) - 1)
    return (
        f'<svg class="tree" style="width:{width}px" viewBox="0 0 {width} {height}" role="img">'
        f"{''.join(lines)}{''.join(nodes)}</svg>"
    )


def _depths(records: list[CandidateRecord]) -> dict[CandidateId, int]:
    """Steps from the initial candidate, along the longest way; parents come before children."""
    depths: dict[CandidateId, int] = {}
    for record in records:
        known = [depths[parent] for parent in record.parents if parent in depths]
        depths[record.candidate.id] = max(known, default=-1) + 1
    return depths


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    middle = (start[0] + end[0]) / 2
    return (
        f'<path class="edge" d="M{start[0]},{start[1]} C{middle},{start[1]} {middle},{end[1]} '
        f'{end[0]},{end[1]}"/>'
    )


def _node(record: CandidateRecord, place: tuple[int, int], view: RunView) -> str:
    mean = record.validation_mean
    kind = "best" if record.candidate.id == view.best_id else "accepted"
    if record.candidate.id == view.initial_id:
        kind = "initial" if kind == "accepted" else kind
    label = escape(f"{record.candidate.id}: {record.message}")
    score = "-" if mean is None else f"{mean:.2f}"
    return (
        f'<g class="node {kind}"><title>{label}</title>'
        f'<circle cx="{place[0]}" cy="{place[1]}" r="17"/>'
        f'<text x="{place[0]}" y="{place[1] + 4}" text-anchor="middle">{score}</text></g>'
    )
