"""The baseline of a pipeline: which recorded call is of which declared stage, each learned apart.

All stages call one URL, so that their words must tell them apart; where the declared words are
not what the app sends, the order of the calls does, if every rollout makes one call per stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_promptopt.core.errors import SubstitutionError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.forms import formed
from ray_promptopt.prompts.learning import (
    DeclaredMessage,
    LearnedBaseline,
    LearnedStage,
    PromptForm,
    learn_stage,
)
from ray_promptopt.prompts.recognition import clear_best, own_words, ratios
from ray_promptopt.prompts.substitution import stage_in

Call = Sequence[ChatMessage]


@dataclass(frozen=True, slots=True)
class DeclaredStage:
    """A stage as the config has it. `text`: its own words; empty where it says none."""

    name: str
    text: str = ""
    messages: tuple[DeclaredMessage, ...] = ()


def learn_pipeline(
    rollouts: Sequence[Sequence[Call]],
    declared: Sequence[DeclaredStage],
    form: PromptForm = PromptForm.PATTERN,
) -> LearnedBaseline:
    """Learn every stage from the calls of several baseline rollouts.

    Raises SubstitutionError when a stage was not called, or cannot be told from another.
    """
    if not rollouts or not all(rollouts):
        raise SubstitutionError(
            "the task app called no model in a baseline rollout: it must send its chat "
            "completions to policy.config.inference_url"
        )
    by_words = _by_words(rollouts, declared)
    calls = _by_order(rollouts, declared) if by_words is None else by_words
    notes = [] if by_words is not None else [_BY_ORDER]
    stages: list[LearnedStage] = []
    for stage in declared:
        if not calls[stage.name]:
            raise SubstitutionError(
                f"no baseline rollout called the model for stage {stage.name}: take it out of the "
                "declared stages, or give its baseline text as the app sends it"
            )
        learned = _learned(stage, calls[stage.name], notes)
        stages.append(formed(learned, calls[stage.name], form))
    baseline = LearnedBaseline(tuple(stages), tuple(notes), form)
    _refuse_look_alikes(calls, baseline)
    return baseline


_BY_ORDER = (
    "the stages' declared texts do not tell the app's calls apart; the first call of a rollout was "
    "taken for the first stage, and so on"
)


def _by_words(
    rollouts: Sequence[Sequence[Call]], declared: Sequence[DeclaredStage]
) -> dict[str, list[Call]] | None:
    """None when the declared words leave any call undecided."""
    if not all(stage.text.strip() for stage in declared):
        return None
    own = own_words({stage.name: stage.text for stage in declared})
    calls: dict[str, list[Call]] = {stage.name: [] for stage in declared}
    for call in (call for rollout in rollouts for call in rollout):
        said = "\n".join(message.content for message in call)
        best = clear_best(ratios(own, said))
        if best is None:
            return None
        calls[best].append(call)
    return calls


def _by_order(
    rollouts: Sequence[Sequence[Call]], declared: Sequence[DeclaredStage]
) -> dict[str, list[Call]]:
    counts = sorted({len(rollout) for rollout in rollouts})
    if counts != [len(declared)]:
        raise SubstitutionError(
            f"{len(declared)} stages are declared, and a baseline rollout made "
            f"{' or '.join(map(str, counts))} calls, which their declared texts do not tell apart: "
            "give each stage the text that its own calls begin with"
        )
    return {
        stage.name: [rollout[place] for rollout in rollouts] for place, stage in enumerate(declared)
    }


def _learned(stage: DeclaredStage, calls: Sequence[Call], notes: list[str]) -> LearnedStage:
    try:
        learned, found = learn_stage(stage.name, calls, stage.messages)
    except SubstitutionError as error:
        raise SubstitutionError(f"stage {stage.name}: {error}") from error
    notes += [f"stage {stage.name}: {note}" for note in found]
    return learned


def _refuse_look_alikes(calls: Mapping[str, Sequence[Call]], baseline: LearnedBaseline) -> None:
    for name, of_stage in calls.items():
        for call in of_stage:
            found = stage_in(call, baseline).name
            if found != name:
                raise SubstitutionError(
                    f"a call of stage {name} reads like one of stage {found}: let each stage's "
                    "prompt say something that no other stage says"
                )
