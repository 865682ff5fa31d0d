"""MIPRO's lineage as a table: which choices every combination was made of, and who wrote them.

Choices have the numbers of the table of beliefs.
"""

from collections.abc import Mapping, Sequence
from html import escape

from ray_promptopt.report.mipro import choices, tried_choices
from ray_promptopt.report.tables import candidate_link, heads
from ray_promptopt.store.run_view import CandidateRecord, RunView, show_score


def combinations_section(view: RunView) -> str:
    """A row per combination that has a score, in the order in which they were tried."""
    tried = [record for record in view.candidates.values() if record.validation]
    known = tried_choices(tried)
    if not known:
        return ""
    rows = "".join(_row(record, known, view) for record in tried)
    head = heads(
        ("trial", True), ("combination", False), *((variable, True) for variable in known),
        ("made by", False), ("written from", False), ("scores", True), ("mean", True),
    )  # fmt: skip
    return (
        '<h2>Combinations</h2><p class="dim">Which instruction and which demonstrations every '
        "trial used, by their numbers above; which proposal wrote the instruction, under which "
        "angle, and from the rollouts of which combination. Round 0 wrote the first ones, later "
        'rounds renewed them.</p><div class="scroll tall"><table id="combinations">'
        f"<thead>{head}</thead><tbody>{rows}</tbody></table></div>"
    )


def _row(record: CandidateRecord, known: Mapping[str, Sequence[str]], view: RunView) -> str:
    chosen = choices(record.candidate)
    numbers = "".join(
        f'<td class="n">{texts.index(chosen[variable])}</td>' for variable, texts in known.items()
    )
    name = candidate_link(record.candidate.id)
    if record.candidate.id == view.best_id:
        name += " <b>(best)</b>"
    parents = ", ".join(map(candidate_link, record.parents))
    return (
        f'<tr><td class="n">{record.iteration}</td><td>{name}</td>'
        f"{numbers}<td>{escape(record.message)}</td><td>{parents}</td>"
        f'<td class="n">{len(record.validation)}</td>'
        f'<td class="n">{show_score(record.validation_mean)}</td></tr>'
    )
