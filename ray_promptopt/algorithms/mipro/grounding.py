"""What the meta model is asked: a summary of the data, and instructions grounded in evidence.

Every text of a task that is shown comes from training seeds or the reference corpus; validation
and test rows never get here. Replies are read by `algorithms/parsing.py`, so one fenced block is
asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_promptopt.algorithms.mipro.bootstrap import ScoredRollout
from ray_promptopt.algorithms.mipro.settings import GroundingSettings
from ray_promptopt.algorithms.wording import cut_middle, fenced, tagged
from ray_promptopt.core.demos import DemoSet
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.tokens import CHARS_PER_TOKEN, estimate_tokens

_SUMMARY_EXAMPLES = 20
_FIELD_CHARS = 1_200
_WORD = re.compile(r"\w+|\{\w+\}")


@dataclass(frozen=True, slots=True)
class TriedInstruction:
    """An instruction of this component with the score it is thought to have."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class ProposalRequest:
    """One instruction to write: what it starts from, and its mix of evidence and angle."""

    current_text: str
    required: tuple[str, ...]
    examples: tuple[ScoredRollout, ...]
    demos: DemoSet
    history: tuple[TriedInstruction, ...]
    summary: str
    corpus: tuple[str, ...]
    tip: str
    role: str = ""


def summary_messages(
    rollouts: Sequence[ScoredRollout], corpus: Sequence[str]
) -> tuple[ChatMessage, ...]:
    """Ask for a summary of the data set from inputs alone."""
    shown = [rollout.evidence.inputs for rollout in rollouts[:_SUMMARY_EXAMPLES]]
    inputs = "\n\n".join(
        f"# Example {number}\n{cut_middle(text.strip(), _FIELD_CHARS)}"
        for number, text in enumerate(shown, 1)
    )
    parts = [
        "Here are inputs from a data set that an assistant works on:",
        inputs,
        *_corpus(corpus),
        "Write a summary of the data set in two or three sentences: what the inputs are about, "
        "what they have in common, and what a good answer must take into account.\n\n"
        "Provide the summary within ``` blocks.",
    ]
    return (ChatMessage("user", "\n\n".join(parts)),)


def proposal_messages(
    request: ProposalRequest, settings: GroundingSettings
) -> tuple[ChatMessage, ...]:
    """Ask for one instruction."""
    examples = _examples(request.examples, settings.max_example_tokens)
    parts = [
        "I provided an assistant with the following instructions to perform a task for me:\n"
        + fenced(request.current_text),
        *([request.role] if request.role else []),
        *([_EXAMPLES + fenced(examples)] if examples else []),
        *_demos(request.demos),
        *_history(request.history),
        *_context(request, settings),
        f"Your task is to write a new instruction for the assistant. {request.tip}",
        "Keep every fact about the task that the current instructions state, learn from the "
        "feedback, and include what the assistant needs to know and would not know by itself.",
        *_required(request.required),
        "Provide the new instructions within ``` blocks.",
    ]
    return (ChatMessage("user", "\n\n".join(parts)),)


_EXAMPLES = (
    "The following are examples of different task inputs provided to the assistant along with the "
    "assistant's response for each of them, and some feedback on how the assistant's response "
    "could be better:\n"
)


def sample_corpus(
    texts: Sequence[str], max_tokens: int, rng: np.random.Generator
) -> tuple[str, ...]:
    """Texts drawn without repetition until the next one would not fit, in their own order."""
    chosen: list[int] = []
    used = 0
    for place in rng.permutation(len(texts)).tolist():
        cost = estimate_tokens(texts[place])
        if used + cost <= max_tokens:
            chosen.append(place)
            used += cost
    return tuple(texts[place] for place in sorted(chosen))


def overlap(first: str, second: str, base: str) -> float:
    """How much of what two texts change in a base they share; 1 when both change nothing.

    Measured on the changes, since long texts that grow from one base share most words anyway.
    """
    words = set(_WORD.findall(base.lower()))
    mine = words ^ set(_WORD.findall(first.lower()))
    other = words ^ set(_WORD.findall(second.lower()))
    if not mine and not other:
        return 1.0
    return len(mine & other) / len(mine | other)


def _examples(rollouts: Sequence[ScoredRollout], max_tokens: int) -> str:
    """Worst first, as many as fit."""
    shown: list[str] = []
    left = max_tokens * CHARS_PER_TOKEN
    for rollout in sorted(rollouts, key=lambda rollout: rollout.score):
        evidence = rollout.evidence
        feedback = f"This response got a score of {rollout.score:.4g}.\n{evidence.feedback.strip()}"
        text = (
            f"# Example {len(shown) + 1}\n"
            f"## Inputs\n{cut_middle(evidence.inputs.strip(), _FIELD_CHARS)}\n\n"
            f"## Generated Outputs\n{cut_middle(evidence.output.strip(), _FIELD_CHARS)}\n\n"
            f"## Feedback\n{cut_middle(feedback.strip(), _FIELD_CHARS)}"
        )
        if len(text) > left:
            break
        left -= len(text) + 2
        shown.append(text)
    return "\n\n".join(shown)


def _demos(demos: DemoSet) -> list[str]:
    if not demos:
        return []
    shown = "\n\n".join(
        f"Input: {cut_middle(demo.inputs.strip(), _FIELD_CHARS)}\n"
        f"Output: {cut_middle(demo.output.strip(), _FIELD_CHARS)}"
        for demo in demos
    )
    return ["The assistant answered these well:\n" + tagged("demonstrations", shown)]


def _history(history: Sequence[TriedInstruction]) -> list[str]:
    if not history:
        return []
    shown = "\n\n".join(f"Score {tried.score:.3f}:\n{fenced(tried.text)}" for tried in history)
    return [
        "These instructions were tried before, with the scores that they reached:\n"
        + tagged("tried_instructions", shown)
    ]


def _context(request: ProposalRequest, settings: GroundingSettings) -> list[str]:
    """The data set, the program, the rules, the guidance: what is known of them."""
    program = cut_middle(settings.program.strip(), settings.max_program_tokens * CHARS_PER_TOKEN)
    known = {
        "About the data set:": ("dataset_summary", request.summary),
        "This program calls the assistant and judges its answers:": ("program_code", program),
        "The assistant is held to this specification; comply with its rules, and state those that "
        "matter for the task:": ("system_spec", settings.spec),
        "Follow this guidance when you write the new instructions:": (
            "guidance",
            settings.guidance,
        ),
    }
    parts = [
        f"{words}\n{tagged(tag, text)}" for words, (tag, text) in known.items() if text.strip()
    ]
    return [*parts, *_corpus(request.corpus)]


def _corpus(corpus: Sequence[str]) -> list[str]:
    if not corpus:
        return []
    shown = "\n\n".join(text.strip() for text in corpus)
    return ["For reference, other rows of the same data:\n" + tagged("reference_corpus", shown)]


def _required(required: Sequence[str]) -> list[str]:
    if not required:
        return []
    names = ", ".join(required)
    return [f"Keep each of these placeholders in the new instructions, exactly as written: {names}"]
