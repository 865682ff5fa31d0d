"""The reflection prompt, in the layout of the reference package of arXiv 2507.19457."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ray_promptopt.core.work import Evidence

DEFAULT_TEMPLATE = """\
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

TEMPLATE_FIELDS = ("<curr_param>", "<side_info>")

_FIELD = re.compile("|".join(re.escape(name) for name in TEMPLATE_FIELDS))
_WILDCARD = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)\}(?!\})")


class Lesson(NamedTuple):
    """One example of the reflective dataset: what happened, and how it was scored."""

    evidence: Evidence
    score: float


def wildcards(text: str) -> tuple[str, ...]:
    """The `{name}` placeholders of a text, sorted; doubled braces and JSON are none."""
    return tuple(sorted({match.group(0) for match in _WILDCARD.finditer(text)}))


def render_prompt(
    template: str,
    current_text: str,
    lessons: Sequence[Lesson],
    required: Sequence[str] = (),
    refusal: str | None = None,
) -> str:
    """The whole prompt. `refusal` says why the last answer could not be used, if there was one."""
    fields = {"<curr_param>": current_text, "<side_info>": _render_lessons(lessons)}
    parts = [_FIELD.sub(lambda match: fields[match.group(0)], template)]
    if required:
        parts.append(
            "Keep each of these placeholders in the new instructions, exactly as written: "
            + ", ".join(required)
        )
    if refusal is not None:
        parts.append(
            f"An earlier answer to this request could not be used: {refusal}. "
            "Answer again, and mend that."
        )
    return "\n\n".join(parts)


def _render_lessons(lessons: Sequence[Lesson]) -> str:
    return "\n\n".join(_render_lesson(number, lesson) for number, lesson in enumerate(lessons, 1))


def _render_lesson(number: int, lesson: Lesson) -> str:
    evidence = lesson.evidence
    feedback = f"This response got a score of {lesson.score:.4g}.\n{evidence.feedback.strip()}"
    return (
        f"# Example {number}\n"
        f"## Inputs\n{evidence.inputs.strip()}\n\n"
        f"## Generated Outputs\n{evidence.output.strip()}\n\n"
        f"## Feedback\n{feedback.strip()}"
    )
