"""The `[initial_prompt]` table: the baseline, and the stages of a pipeline."""

from collections.abc import Mapping

from ray_promptopt.config.build import build
from ray_promptopt.config.gather import (
    Gathered,
    Keys,
    Problems,
    gather,
    paths_of,
    refuse_unknown,
)
from ray_promptopt.config.keys import PROMPT
from ray_promptopt.config.schema import InitialPrompt, PipelineModule, PromptMessage

_MESSAGE: Keys = {"role": ("role",), "pattern": ("pattern", "content"), "order": ("order",)}
_STAGE_NAMES = ("name", "module_id", "stage_id")


def read_prompt(table: object, problems: Problems) -> InitialPrompt | None:
    """The baseline; an empty one, which is learned from requests, when there is no table."""
    if table is None:
        return InitialPrompt()
    if not isinstance(table, Mapping):
        problems.add("initial_prompt", table, "make it a table with messages")
        return None
    known = [*paths_of(PROMPT), "metadata"]
    refuse_unknown(table, known, prefix="initial_prompt.", problems=problems)
    given = gather(table, PROMPT, prefix="initial_prompt.", problems=problems)
    if "messages" in given.values:
        given.values["messages"] = _messages(given, problems)
    if "pipeline_modules" in given.values:
        given.values["pipeline_modules"] = _stages(given, problems)
    return build(InitialPrompt, given, problems)


def _messages(given: Gathered, problems: Problems) -> list[PromptMessage]:
    tables, key = given.values["messages"], given.key("messages")
    if not isinstance(tables, list) or not tables:
        problems.add(key, tables, "give at least one message, or leave the key out")
        return []
    messages = []
    for index, table in enumerate(tables):
        if not isinstance(table, Mapping):
            problems.add(f"{key}[{index}]", table, "give role and pattern")
            continue
        prefix = f"{key}[{index}]."
        refuse_unknown(table, paths_of(_MESSAGE), prefix=prefix, problems=problems)
        message = build(
            PromptMessage, gather(table, _MESSAGE, prefix=prefix, problems=problems), problems
        )
        if message is not None:
            messages.append(message)
    return sorted(messages, key=lambda message: message.order)


def _stages(given: Gathered, problems: Problems) -> list[PipelineModule]:
    entries, key = given.values["pipeline_modules"], given.key("pipeline_modules")
    if not isinstance(entries, list):
        problems.add(key, entries, "give a list of stage names or tables")
        return []
    stages = [_stage(entry, f"{key}[{index}]", problems) for index, entry in enumerate(entries)]
    names = [stage.name for stage in stages if stage is not None]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        problems.add(key, repeated, "name each stage once")
    return [stage for stage in stages if stage is not None]


def _stage(entry: object, key: str, problems: Problems) -> PipelineModule | None:
    if isinstance(entry, str) and entry.strip():
        return PipelineModule(name=entry.strip())
    if not isinstance(entry, Mapping):
        problems.add(key, entry, "give the stage's name, or a table with name")
        return None
    name = next((entry[name] for name in _STAGE_NAMES if entry.get(name)), None)
    text = entry.get("instruction_text")
    lines = entry.get("instruction_lines")
    if text is None and isinstance(lines, list):
        text = "\n".join(str(line) for line in lines)
    values = {
        "name": name,
        "instruction": "" if text is None else text,
        "few_shots": entry.get("few_shots", ()),
    }
    return build(PipelineModule, Gathered(f"{key}.", values), problems)
