"""Flavour `dspy`: laid out as DSPy's instruction proposal signature under its chat adapter.

Parts: a system message with the fields and the objective; then `[[ ## field ## ]]` by field: the
context (guidance, spec, program), the current instruction, the examples with feedback, worst
first; notes and the output field.
"""

from ray_promptopt.algorithms.gepa.proposers.gepa_ai import render_example
from ray_promptopt.algorithms.gepa.proposers.layout import Layout

_SYSTEM = """\
Your input fields are:
1. `current_instruction` (str): The instruction that the assistant was given.
2. `examples_with_feedback` (str): Inputs, the assistant's outputs, and feedback on each.
Your output fields are:
1. `improved_instruction` (str): A better instruction, ready to be used in place of the current one.

All interactions are structured by lines of the form [[ ## field ## ]], each followed by the value.

In adhering to this structure, your objective is:
        Study where the assistant failed and what the feedback says. Propose an improved instruction
        that mends these failures, keeps what worked, and states the facts and strategies that the
        assistant cannot know by itself."""

_REFLECT = """\
<$context>

[[ ## current_instruction ## ]]
<$current>

[[ ## examples_with_feedback ## ]]
<side_info>

[[ ## end_of_inputs ## ]]

<$notes>

Respond with the output field: the line [[ ## improved_instruction ## ]], then the new instruction \
within ``` blocks."""

DSPY = Layout(_REFLECT, render_example, system=_SYSTEM)
