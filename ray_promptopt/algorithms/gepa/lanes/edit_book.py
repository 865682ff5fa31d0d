"""Memory of edits: which were tried on a text, so that none is paid for twice, and which failed."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ray_promptopt.algorithms.gepa.proposers import RejectedEdit
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.ids import CandidateId

_NEAR = 0.9
"""Share of added and removed words from which on two edits of a text are one and the same."""
_MOST_REJECTED = 8
"""Rejected edits kept per text and component: as many as a prompt may show."""
_WORD = re.compile(r"\w+")

Signature = tuple[str, ...]


@dataclass(slots=True)
class EditBook:
    """By base candidate and component: signatures of tried edits, and the rejected ones."""

    tried: dict[CandidateId, dict[str, list[Signature]]] = field(default_factory=dict)
    rejected: dict[CandidateId, dict[str, list[RejectedEdit]]] = field(default_factory=dict)

    def try_edit(self, base: Candidate, texts: Mapping[str, str]) -> bool:
        """Note an edit of `base`; False when all it changes was tried before, or nearly so."""
        mine = {name: _signature(base.texts[name], text) for name, text in texts.items()}
        tried = self.tried.setdefault(base.id, {})
        is_new = any(
            all(_overlap(signature, old) < _NEAR for old in tried.get(name, ()))
            for name, signature in mine.items()
        )
        if is_new:
            for name, signature in mine.items():
                tried.setdefault(name, []).append(signature)
        return is_new

    def reject(self, base: CandidateId, component: str, edit: RejectedEdit) -> None:
        """Remember an edit that did not help; the latest few are kept."""
        edits = self.rejected.setdefault(base, {}).setdefault(component, [])
        edits.append(edit)
        del edits[:-_MOST_REJECTED]

    def rejected_of(self, base: CandidateId, component: str) -> tuple[RejectedEdit, ...]:
        """The edits of this text that did not help, the latest last."""
        return tuple(self.rejected.get(base, {}).get(component, ()))

    def keep_only(self, bases: Collection[CandidateId]) -> None:
        """Forget the edits of all other texts: nothing will start from them again."""
        self.tried = {base: edits for base, edits in self.tried.items() if base in bases}
        self.rejected = {base: edits for base, edits in self.rejected.items() if base in bases}


def _signature(before: str, after: str) -> Signature:
    """Words added (`+word`) and removed (`-word`); order and punctuation do not matter.

    An edit that only moves words is known by them all, so that it is not taken for another.
    """
    old = set(_WORD.findall(before.casefold()))
    new = set(_WORD.findall(after.casefold()))
    changed = {f"+{word}" for word in new - old} | {f"-{word}" for word in old - new}
    return tuple(sorted(changed or {f"={after.strip()}"}))


def _overlap(one: Signature, other: Signature) -> float:
    ours, theirs = set(one), set(other)
    return len(ours & theirs) / len(ours | theirs)
