"""The parts that every prompt may have besides the current text and the examples.

context: guidance, spec, program source. notes: rejected edits, wildcards, token limit, refusal.
Parts of free text stand between tags, so that nobody takes them for instructions.
"""

from collections.abc import Sequence

from ray_promptopt.algorithms.gepa.proposers.diffs import compact_diff
from ray_promptopt.algorithms.gepa.proposers.requests import RejectedEdit
from ray_promptopt.algorithms.gepa.proposers.settings import ProposerSettings
from ray_promptopt.algorithms.wording import cut_middle, tagged
from ray_promptopt.core.tokens import CHARS_PER_TOKEN

_REJECTED_EDIT_TOKENS = 300
_WORDS_PER_TOKEN = 0.7


def context(settings: ProposerSettings, *, shows_program: bool) -> list[str]:
    """What is known besides the evidence: guidance, rules of the system spec, the program."""
    parts = []
    if settings.guidance.strip():
        parts.append(
            "Follow this guidance when you write the new instructions:\n"
            + tagged("guidance", settings.guidance)
        )
    if settings.spec.strip():
        parts.append(
            "The assistant is held to this specification. The new instructions must comply with "
            "its rules, and state those that matter for the task:\n"
            + tagged("system_spec", settings.spec)
        )
    program_chars = settings.budget.program_tokens * CHARS_PER_TOKEN
    if shows_program and settings.program.strip() and program_chars:
        parts.append(
            "This program calls the assistant and judges its answers:\n"
            + tagged("program_code", cut_middle(settings.program.strip(), program_chars))
        )
    return parts


def notes(
    settings: ProposerSettings,
    required: Sequence[str],
    refusal: str | None,
    rejected: str = "",
) -> list[str]:
    """What the new text must and must not be; the last refusal comes last."""
    parts = [rejected] if rejected else []
    if required:
        parts.append(
            "Keep each of these placeholders in the new instructions, exactly as written: "
            + ", ".join(required)
        )
    limit = settings.max_prompt_tokens
    if limit is not None:
        words = max(1, int(limit * _WORDS_PER_TOKEN))
        parts.append(
            f"The new instructions may have at most {limit} tokens, which is about {words} words."
        )
    if refusal is not None:
        parts.append(
            f"An earlier answer to this request could not be used: {refusal}. "
            "Answer again, and mend that."
        )
    return parts


def rejected_edits(current_text: str, rejected: Sequence[RejectedEdit], max_shown: int) -> str:
    """The latest rejected edits as diffs against the current text; empty when there is none."""
    shown = rejected[-max_shown:]
    if not shown:
        return ""
    edits = [_rejected(number, current_text, edit) for number, edit in enumerate(shown, 1)]
    intro = (
        "These edits of the current instructions were tried and rejected, because they did not "
        "raise the score. Do not try these again, nor anything close to them; find another way."
    )
    return tagged("rejected_edits", "\n\n".join([intro, *edits]))


def scores(before: float, after: float, num_examples: int) -> str:
    """Both sums of scores, and over how many examples."""
    return f"score {before:.4g} before, {after:.4g} after, summed over {num_examples} examples"


def _rejected(number: int, current_text: str, edit: RejectedEdit) -> str:
    max_chars = _REJECTED_EDIT_TOKENS * CHARS_PER_TOKEN
    diff = cut_middle(compact_diff(current_text, edit.text, trims_lines=True), max_chars)
    lines = [f"Edit {number}: {scores(edit.before, edit.after, edit.num_examples)}", diff]
    if edit.feedback.strip():
        lines.append(f"What went wrong: {cut_middle(edit.feedback.strip(), max_chars)}")
    return "\n".join(lines)
