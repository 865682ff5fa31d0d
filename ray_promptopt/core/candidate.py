"""A candidate: one immutable assignment of text to every component, named by its content.

Demonstrations belong to a stage of the task app, not to a component: they stand beside the texts.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ray_promptopt.core.demos import DemoSet
from ray_promptopt.core.ids import CandidateId


@dataclass(frozen=True)
class Candidate:
    """Component name → text and stage → demonstrations, in a fixed order.

    Equal content is an equal candidate. A stage without demonstrations is left out.
    """

    components: tuple[tuple[str, str], ...]
    demos: tuple[tuple[str, DemoSet], ...] = ()

    @classmethod
    def of(
        cls, components: Mapping[str, str], demos: Mapping[str, DemoSet] | None = None
    ) -> "Candidate":
        """Build from mappings; the order of their keys does not matter."""
        shown = {stage: chosen for stage, chosen in (demos or {}).items() if chosen}
        return cls(tuple(sorted(components.items())), tuple(sorted(shown.items())))

    @cached_property
    def id(self) -> CandidateId:
        """The first 64 bits of the SHA-256 of the content, as hex; of the texts alone when there
        are no demonstrations."""
        content: object = self.components
        if self.demos:
            shown = [
                [stage, [[demo.inputs, demo.output] for demo in chosen]]
                for stage, chosen in self.demos
            ]
            content = [self.components, shown]
        canonical = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
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
        return Candidate.of(texts, dict(self.demos))
