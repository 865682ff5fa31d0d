"""A candidate: one immutable assignment of text to every component, named by its content."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ray_promptopt.core.ids import CandidateId


@dataclass(frozen=True)
class Candidate:
    """Component name → text, in a fixed order. Equal texts are equal candidates."""

    components: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, components: Mapping[str, str]) -> "Candidate":
        """Build from a mapping; the order of its keys does not matter."""
        return cls(tuple(sorted(components.items())))

    @cached_property
    def id(self) -> CandidateId:
        """The first 64 bits of the SHA-256 of the content, as hex."""
        canonical = json.dumps(self.components, ensure_ascii=False, separators=(",", ":"))
        return CandidateId(hashlib.sha256(canonical.encode()).hexdigest()[:16])

    @property
    def texts(self) -> dict[str, str]:
        """A fresh mapping of component name to text."""
        return dict(self.components)

    def with_texts(self, changed: Mapping[str, str]) -> "Candidate":
        """The child that differs from this candidate in the given components alone.

        Raises KeyError when a name is not one of this candidate's components.
        """
        texts = self.texts
        for name, text in changed.items():
            if name not in texts:
                raise KeyError(f"component {name!r} is not one of {sorted(texts)}")
            texts[name] = text
        return Candidate.of(texts)
