"""Held-out accuracy of a text: outside every contestant's budget and clock.

The embedded reader's reply is a function of the request alone, so that it is asked in this process.
"""

from functools import cache

from benchmarks.versus.problem import TASKS, Problem
from ray_promptopt.core.examples import Part
from ray_promptopt.llm.embedded import complete
from ray_promptopt.tasks.classifier import answered_label, is_right


@cache
def accuracy(task: str, text: str, policy_model: str) -> float:
    """Share of a task's test rows (the same for all seeds) that are answered right."""
    problem = _any_problem(task)
    rows = [problem.row(Part.TEST, place) for place in problem.places(Part.TEST)]
    bodies = (problem.body(text, row, policy_model) for row in rows)
    answers = (answered_label(complete(body)["choices"][0]["message"]) for body in bodies)
    return sum(is_right(row, said) for row, said in zip(rows, answers, strict=True)) / len(rows)


@cache
def _any_problem(task: str) -> Problem:
    return TASKS[task].draw(0, TASKS[task].sizes)
