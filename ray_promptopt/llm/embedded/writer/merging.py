"""Merges instructions, given whole or as diffs, into one that has the guidance of all."""

from collections.abc import Iterable

from ray_promptopt.llm.embedded.writer.edits import Edit
from ray_promptopt.llm.embedded.writer.instruction import Entry, Instruction, Meaning, is_told
from ray_promptopt.llm.embedded.writer.task_reading import WriterTask


def merged_instruction(task: WriterTask) -> Instruction:
    """The first text with everything that the others and the diffs have besides."""
    labels = frozenset(task.labels)
    merged = Instruction(task.instructions[0], labels)
    added = {line for edit in task.edits for line in edit.added}
    for edit in task.edits:
        _take_out(merged, edit, labels, added)
    for text in [*task.instructions[1:], *("\n".join(edit.added) for edit in task.edits)]:
        _bring_in(merged, Instruction(text, labels))
    return merged


def merge_entry(entry: Entry, other: Entry) -> None:
    """Bring the cues and rivals of another line on the same label in; the fuller lead stays."""
    for cue in other.cues:
        entry.add_cue(cue)
    entry.rivals.extend(rival for rival in other.rivals if rival not in entry.rivals)
    entry.lead = max(entry.lead, other.lead, key=len)


def _bring_in(merged: Instruction, other: Instruction) -> None:
    for entry in other.entries:
        merge_entry(merged.entry_for(entry.label, entry.lead), entry)
    for meaning in other.meanings:
        for phrase in meaning.says:
            merged.meaning_of(meaning.word).add(phrase)
    plain = _plain(merged.lines)
    for line in _plain(other.lines):
        if line.strip() and not is_told(line, plain):
            merged.add_rule(line)


def _take_out(merged: Instruction, edit: Edit, labels: frozenset[str], added: set[str]) -> None:
    """What an edit removed goes, but for what any edit has in its new lines."""
    gone, new = (
        Instruction("\n".join(lines), labels) for lines in (edit.removed, tuple(sorted(added)))
    )
    kept = {cue for entry in new.entries for cue in entry.cues}
    cues = {(e.label, cue) for e in gone.entries for cue in e.cues if cue not in kept}
    for entry in merged.entries:
        entry.cues = [cue for cue in entry.cues if (entry.label, cue) not in cues]
    lines = {line for line in _plain(gone.lines) if line.strip() and line not in added}
    merged.lines = [
        line
        for line in merged.lines
        if not (isinstance(line, str) and line in lines and "{" not in line)
    ]


def _plain(lines: Iterable[str | Entry | Meaning]) -> list[str]:
    return [line for line in lines if isinstance(line, str)]
