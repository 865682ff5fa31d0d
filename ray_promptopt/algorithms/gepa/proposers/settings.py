"""How prompts for the reflection model are made: the flavour, the extras, how much is shown."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ray_promptopt.core.errors import ConfigError, ConfigProblem

Flavour = Literal["gepa-ai", "dspy", "synth"]
Effort = Literal["LOW_CONTEXT", "LOW", "MEDIUM", "HIGH"]

TEMPLATE_FIELDS = ("<curr_param>", "<side_info>")
"""What a template of one's own must have, to be filled with the text and the examples."""


class ContextBudget(NamedTuple):
    """The most that is shown of each kind; `max_rejected` counts edits."""

    evidence_tokens: int
    max_rejected: int
    program_tokens: int


BUDGETS: dict[Effort, ContextBudget] = {
    "LOW_CONTEXT": ContextBudget(1_000, 1, 0),
    "LOW": ContextBudget(4_000, 3, 1_000),
    "MEDIUM": ContextBudget(10_000, 6, 3_000),
    "HIGH": ContextBudget(30_000, 12, 8_000),
}


@dataclass(frozen=True, slots=True)
class ProposerSettings:
    """The default is the reference's own prompt. Raises ConfigError with every problem found."""

    flavour: Flavour = "gepa-ai"
    """Whose layout the prompts have."""
    template: str | None = None
    """A reflection template of one's own with `<curr_param>` and `<side_info>`; None: built in."""
    guidance: str = ""
    """Free text for whoever writes the prompts (`metaprompt`); empty: none."""
    spec: str = ""
    """Rules of a system spec, rendered within their token limit; empty: none."""
    program: str = ""
    """Source of the program under optimisation, where its flavour shows it; empty: unknown."""
    effort: Effort = "MEDIUM"
    """How much evidence, memory of rejected edits and source is shown."""
    max_prompt_tokens: int | None = None
    """The most tokens of a prompt, and so of a component's new text; None: no limit."""

    def __post_init__(self) -> None:
        problems = []
        if self.template is not None:
            missing = [name for name in TEMPLATE_FIELDS if name not in self.template]
            if missing:
                remedy = f"add {' and '.join(missing)}"
                problems.append(ConfigProblem("template", repr(self.template[:60]), remedy))
        if self.max_prompt_tokens is not None and self.max_prompt_tokens < 1:
            value = str(self.max_prompt_tokens)
            problems.append(ConfigProblem("max_prompt_tokens", value, "must be at least 1"))
        if problems:
            raise ConfigError("proposer settings", tuple(problems))

    @property
    def budget(self) -> ContextBudget:
        """The most that is shown of each kind."""
        return BUDGETS[self.effort]
