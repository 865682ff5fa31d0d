"""A demonstration: what a stage was given and what it answered, shown to the model as an example.

A demo set is the ordered tuple of demonstrations that are used together.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Demo:
    """One worked example, both sides as text; `inputs` is the data alone, without the prompt."""

    inputs: str
    output: str


DemoSet = tuple[Demo, ...]
