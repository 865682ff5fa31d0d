"""The stages of the task app, as a config declares them and as their calls are learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ray_promptopt.config.schema import InitialPrompt, RunConfig
from ray_promptopt.config.schema_mipro import MiproModule, MiproStage
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.stages import MAIN_STAGE
from ray_promptopt.prompts.forms import Passage, formed
from ray_promptopt.prompts.learning import (
    DeclaredMessage,
    LearnedBaseline,
    PromptForm,
    learn_stage,
    message_names,
)
from ray_promptopt.prompts.pipeline import DeclaredStage, learn_pipeline


@dataclass(frozen=True, slots=True)
class StageSlots:
    """What `mipro.modules` allows a stage; None: no limit of its own."""

    instructions: int | None = None
    demos: int | None = None


def declared_stages(config: RunConfig) -> tuple[DeclaredStage, ...]:
    """The stages of a pipeline, in order; empty for an app with one.

    `pipeline_modules` names them, else `mipro.modules` does.
    """
    configured = _mipro_stages(config)
    named = {stage.name: stage.instruction for stage in config.initial_prompt.pipeline_modules}
    if len(named) < 2:
        named = dict.fromkeys(configured, "")
    if len(named) < 2:
        return ()
    stages = []
    for name, instruction in named.items():
        entry = configured.get(name)
        messages = () if entry is None else entry[1].baseline_messages
        own = instruction or ("" if entry is None else entry[1].baseline_instruction)
        text = "\n".join([own, *(message.content for message in messages)])
        declared = tuple(
            DeclaredMessage(message.role, message.content, place)
            for place, message in enumerate(messages)
        )
        stages.append(DeclaredStage(name, text.strip(), declared))
    return tuple(stages)


def learn_from(
    rollouts: Sequence[Sequence[Sequence[ChatMessage]]], config: RunConfig
) -> LearnedBaseline:
    """What the calls of the baseline rollouts have in common, stage by stage.

    Raises SubstitutionError when that is nothing, or the stages cannot be told apart.
    """
    stages = declared_stages(config)
    prompt = config.initial_prompt
    form = PromptForm(prompt.form)
    if stages:
        return learn_pipeline(rollouts, stages, form)
    declared = [
        DeclaredMessage(message.role, message.pattern, message.order) for message in prompt.messages
    ]
    calls = [call for rollout in rollouts for call in rollout]
    stage, notes = learn_stage(MAIN_STAGE, calls, declared)
    return LearnedBaseline((formed(stage, calls, form, declared_passages(prompt)),), notes, form)


def declared_passages(prompt: InitialPrompt) -> list[Passage]:
    """The sections of a template or the texts of a transformation, in order; a text without a name
    is called by its role and number."""
    if prompt.sections:
        ordered = sorted(prompt.sections, key=lambda section: section.order)
        return [Passage(one.name, one.content, one.role) for one in ordered]
    texts = prompt.text_replacements
    numbered = message_names(MAIN_STAGE, [one.apply_to_role for one in texts])
    return [
        Passage(one.name or name, one.old_text, one.apply_to_role, one.position)
        for one, name in zip(texts, numbered, strict=True)
    ]


def stage_slots(config: RunConfig) -> dict[str, StageSlots]:
    """Stage to its limits, its module's where it has none of its own."""
    return {
        name: StageSlots(
            stage.max_instruction_slots or module.max_instruction_slots,
            module.max_demo_slots if stage.max_demo_slots is None else stage.max_demo_slots,
        )
        for name, (module, stage) in _mipro_stages(config).items()
    }


def stage_roles(config: RunConfig) -> dict[str, str]:
    """Stage to its place in the pipeline, in words for whoever writes its prompt."""
    names = [stage.name for stage in declared_stages(config)]
    modules = () if config.mipro is None else config.mipro.modules
    sources: dict[str, list[str]] = {}
    for edge in (edge for module in modules for edge in module.edges):
        sources.setdefault(edge.target, []).append(edge.source)
    if not sources:
        sources = {name: [before] for before, name in pairwise(names)}
    roles = {}
    for place, name in enumerate(names, 1):
        given = sources.get(name)
        follows = f" It comes after {' and '.join(given)}." if given else ""
        roles[name] = (
            f"The assistant is the stage {name} of a pipeline, number {place} of {len(names)}: "
            f"{' → '.join(names)}.{follows} The score is that of the whole pipeline."
        )
    return roles


def _mipro_stages(config: RunConfig) -> dict[str, tuple[MiproModule, MiproStage]]:
    """By the stage's name, or its module's where it is the only stage of the module named so."""
    modules = () if config.mipro is None else config.mipro.modules
    named = {stage.name for stage in config.initial_prompt.pipeline_modules}
    found = {}
    for module in modules:
        for stage in module.stages:
            is_alone = len(module.stages) == 1 and module.module_id in named
            name = module.module_id if is_alone and stage.stage_id not in named else stage.stage_id
            found[name] = (module, stage)
    return found
