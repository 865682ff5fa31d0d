"""Flavour `synth`: a prompt engineer's brief under headings, rollouts before the task.

Parts: a system message; context (guidance, spec, program), current instructions, rollouts worst
first with their scores, the task, notes.
"""

from ray_promptopt.algorithms.gepa.proposers.layout import Layout
from ray_promptopt.algorithms.gepa.proposers.requests import ReflectiveExample

_SYSTEM = """\
You are an expert prompt engineer. You improve the instructions of an AI program, one at a time, \
from rollouts of the program on real inputs. Diagnose before you write: find what the failures \
have in common, and why the instructions allowed them."""

_REFLECT = """\
<$context>

## Current instructions
<$current>

## Rollouts
<side_info>

## Task
Write an improved version of the current instructions that turns the failed rollouts into right \
ones and keeps the right ones right. Be specific: name the cases and what tells them apart. \
Prefer general rules over repeating single inputs.

<$notes>

Provide the new instructions within ``` blocks."""


def render_example(number: int, example: ReflectiveExample) -> str:
    """A rollout under a heading with its score."""
    evidence = example.evidence
    return (
        f"### Example {number} (score {example.score:.4g})\n"
        f"**Input:**\n{evidence.inputs.strip()}\n\n"
        f"**Output:**\n{evidence.output.strip()}\n\n"
        f"**Feedback:**\n{evidence.feedback.strip()}"
    ).strip()


SYNTH = Layout(_REFLECT, render_example, system=_SYSTEM)
