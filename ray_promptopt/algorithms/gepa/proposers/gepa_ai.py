"""Flavour `gepa-ai`: the prompt of the reference package of arXiv 2507.19457, word for word.

Parts: instructions between fences, all examples between fences (inputs, outputs, feedback with
the score) as they were drawn, the task; then context without the program, and notes.
"""

from ray_promptopt.algorithms.gepa.proposers.layout import Layout
from ray_promptopt.algorithms.gepa.proposers.requests import ReflectiveExample

TEMPLATE = """\
I provided an assistant with the following instructions to perform a task for me:
```
<curr_param>
```

The following are examples of different task inputs provided to the assistant along with the \
assistant's response for each of them, and some feedback on how the assistant's response could \
be better:
```
<side_info>
```

Your task is to write a new instruction for the assistant.

Read the inputs carefully and identify the input format and infer detailed task description \
about the task I wish to solve with the assistant.

Read all the assistant responses and the corresponding feedback. Identify all niche and domain \
specific factual information about the task and include it in the instruction, as a lot of it \
may not be available to the assistant in the future. The assistant may have utilized a \
generalizable strategy to solve the task, if so, include that in the instruction as well.

Provide the new instructions within ``` blocks."""


def render_example(number: int, example: ReflectiveExample) -> str:
    """An example in markdown, its score in words before the feedback."""
    evidence = example.evidence
    feedback = f"This response got a score of {example.score:.4g}.\n{evidence.feedback.strip()}"
    return (
        f"# Example {number}\n"
        f"## Inputs\n{evidence.inputs.strip()}\n\n"
        f"## Generated Outputs\n{evidence.output.strip()}\n\n"
        f"## Feedback\n{feedback.strip()}"
    )


GEPA_AI = Layout(TEMPLATE, render_example, keeps_order=True, shows_program=False)
