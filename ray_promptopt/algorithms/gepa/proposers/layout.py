"""A flavour as data: the words of its three requests, and the proposer that fills them in.

Fields of a template: `<curr_param>` the bare text, `<$current>` the text between fences,
`<side_info>` the examples, `<$edits>` the edits to merge, `<$tip>` the angle of a variant,
`<$context>` and `<$notes>` the parts of `parts.py` (at the end when a template names neither).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_promptopt.algorithms.gepa.proposers.diffs import compact_diff
from ray_promptopt.algorithms.gepa.proposers.evidence import ExampleRenderer, render_examples
from ray_promptopt.algorithms.gepa.proposers.parts import (
    context,
    notes,
    rejected_edits,
    scores,
)
from ray_promptopt.algorithms.gepa.proposers.requests import (
    MergeRequest,
    ReflectionRequest,
    VerifiedEdit,
)
from ray_promptopt.algorithms.gepa.proposers.settings import ProposerSettings
from ray_promptopt.algorithms.tips import tip
from ray_promptopt.algorithms.wording import fenced
from ray_promptopt.core.messages import ChatMessage

_FIELD = re.compile(r"<(?:curr_param|side_info|\$(?:current|edits|tip|context|notes))>")

MERGE = """\
I provided an assistant with the following instructions to perform a task for me:
<$current>

<$context>

Each of the following edits, of these instructions or of an earlier version of them, was tried on \
its own and verified: it raised the score on the examples shown with it.

<$edits>

Your task is to merge these edits into one new instruction for the assistant: start from the \
current instructions and work every edit in. The new instruction must keep what the current one \
gets right and the fix of each edit. Where two edits say the same, say it once; where they \
contradict each other, tell the cases apart. Do not let it grow needlessly.

<$notes>

Provide the new instructions within ``` blocks."""

VARIANT = """\
I provided an assistant with the following instructions to perform a task for me:
<$current>

<$context>

Your task is to write another version of these instructions, number <$tip>

Keep every fact and every rule about the task that the current version states.

<$notes>

Provide the new instructions within ``` blocks."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The words of a flavour. `system` goes before a reflection alone; `keeps_order` shows the
    examples as they were drawn, `shows_program` the source of the program."""

    reflect: str
    example: ExampleRenderer
    system: str | None = None
    merge: str = MERGE
    variant: str = VARIANT
    keeps_order: bool = False
    shows_program: bool = True


class LayoutProposer:
    """A `Proposer` that fills in a layout."""

    def __init__(self, layout: Layout, settings: ProposerSettings) -> None:
        self._layout = layout
        self._settings = settings
        self._context = context(settings, shows_program=layout.shows_program)

    def reflect(self, request: ReflectionRequest) -> tuple[ChatMessage, ...]:
        """See `Proposer`."""
        layout, settings = self._layout, self._settings
        examples = render_examples(
            request.examples,
            layout.example,
            settings.budget.evidence_tokens,
            keeps_order=layout.keeps_order,
        )
        current, budget = request.current_text, settings.budget
        tried = rejected_edits(current, request.rejected, budget.max_rejected)
        user = self._fill(
            layout.reflect,
            {"<curr_param>": current, "<$current>": fenced(current), "<side_info>": examples},
            notes(settings, request.required, request.refusal, tried),
        )
        system = [] if layout.system is None else [ChatMessage("system", layout.system)]
        return (*system, ChatMessage("user", user))

    def merge(self, request: MergeRequest) -> tuple[ChatMessage, ...]:
        """See `Proposer`."""
        share = self._settings.budget.evidence_tokens // max(1, len(request.edits))
        edits = [
            self._edit(number, edit, share, request.current_text)
            for number, edit in enumerate(request.edits, 1)
        ]
        fields = {"<$current>": fenced(request.current_text), "<$edits>": "\n\n".join(edits)}
        told = notes(self._settings, request.required, request.refusal)
        return (ChatMessage("user", self._fill(self._layout.merge, fields, told)),)

    def variant(
        self, component: str, current_text: str, required: tuple[str, ...], number: int
    ) -> tuple[ChatMessage, ...]:
        """See `Proposer`."""
        fields = {"<$current>": fenced(current_text), "<$tip>": f"{number}. {tip(number)}"}
        told = notes(self._settings, required, None)
        return (ChatMessage("user", self._fill(self._layout.variant, fields, told)),)

    def _edit(self, number: int, edit: VerifiedEdit, budget_tokens: int, current: str) -> str:
        """One edit: as a diff, or as the whole text where that is shorter; then its evidence."""
        diff = compact_diff(edit.base_text, edit.text)
        parts = [f"# Edit {number}: {scores(edit.before, edit.after, len(edit.examples))}"]
        if len(diff) < len(edit.text):
            of = "the current instructions" if edit.base_text == current else "an earlier version"
            parts.append(f"What it changed in {of}:\n{fenced(diff, 'diff')}")
        else:
            parts.append(f"The edited instructions:\n{fenced(edit.text)}")
        examples = render_examples(edit.examples, self._layout.example, budget_tokens)
        if examples:
            parts.append(f"What happened before the edit:\n\n{examples}")
        return "\n\n".join(parts)

    def _fill(self, template: str, fields: Mapping[str, str], told: Sequence[str]) -> str:
        """Fill in the fields; a part that is empty leaves no gap."""
        extras = {"<$context>": self._context, "<$notes>": told}
        unplaced = [
            part for name, parts in extras.items() if name not in template for part in parts
        ]
        joined = {name: "\n\n".join(parts) for name, parts in extras.items()}
        for name in (name for name, text in joined.items() if not text):
            template = template.replace(f"{name}\n\n", "").replace(f"\n\n{name}", "")
        values = {**fields, **joined}
        filled = _FIELD.sub(lambda match: values.get(match[0], match[0]), template)
        return "\n\n".join([filled, *unplaced])
