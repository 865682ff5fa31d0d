"""Stages are the model calls of a pipeline, by name; an app that is no pipeline has one, `main`.

A component of a pipeline is named `stage.role`, so that its stage is read off its name.
"""

MAIN_STAGE = "main"
"""The one stage of an app that is no pipeline."""


def component_name(stage: str, role: str) -> str:
    """The name of a stage's text: the role alone where there is one stage."""
    return role if stage == MAIN_STAGE else f"{stage}.{role}"


def stage_of(component: str) -> str:
    """The inverse: the stage that a component belongs to. Roles hold no dot, stages may."""
    return component.rpartition(".")[0] or MAIN_STAGE
