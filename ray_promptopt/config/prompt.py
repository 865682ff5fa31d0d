"""The `[initial_prompt]` table: the baseline, and the stages of a pipeline."""

from collections.abc import Mapping

from ray_promptopt.config.build import SectionT, build
from ray_promptopt.config.gather import (
    Gathered,
    Keys,
    Problems,
    gather,
    paths_of,
    refuse_unknown,
)
from ray_promptopt.config.keys import PROMPT
from ray_promptopt.config.schema import (
    InitialPrompt,
    PipelineModule,
    PromptMessage,
    PromptSection,
    ReplacedText,
)

_MESSAGE: Keys = {"role": ("role",), "pattern": ("pattern", "content"), "order": ("order",)}
_PASSAGES: dict[str, tuple[Keys, type[PromptSection] | type[ReplacedText]]] = {
    "sections": (
        {"name": ("name",), "role": ("role",), "content": ("content", "pattern"),
         "order": ("order",)},
        PromptSection,
    ),
    "text_replacements": (
        {name: (name,) for name in ("old_text", "apply_to_role", "position", "name")},
        ReplacedText,
    ),
}  # fmt: skip
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
    for name, (keys, model) in _PASSAGES.items():
        if name in given.values:
            given.values[name] = _tables(name, keys, model, given, problems)
    _choose_form(given, problems)
    if "pipeline_modules" in given.values:
        given.values["pipeline_modules"] = _stages(given, problems)
    _refuse_passages_of_stages(given, problems)
    return build(InitialPrompt, given, problems)


def _messages(given: Gathered, problems: Problems) -> list[PromptMessage]:
    messages = _tables("messages", _MESSAGE, PromptMessage, given, problems)
    return sorted(messages, key=lambda message: message.order)


def _tables(
    name: str, keys: Keys, model: type[SectionT], given: Gathered, problems: Problems
) -> list[SectionT]:
    tables, key = given.values[name], given.key(name)
    if not isinstance(tables, list) or not tables:
        problems.add(key, tables, "give at least one table, or leave the key out")
        return []
    found = []
    for index, table in enumerate(tables):
        if not isinstance(table, Mapping):
            problems.add(f"{key}[{index}]", table, f"make it a table with {', '.join(keys)}")
            continue
        prefix = f"{key}[{index}]."
        refuse_unknown(table, paths_of(keys), prefix=prefix, problems=problems)
        one = build(model, gather(table, keys, prefix=prefix, problems=problems), problems)
        if one is not None:
            found.append(one)
    return found


def _choose_form(given: Gathered, problems: Problems) -> None:
    """`sections` are of a template, `text_replacements` of a transformation: only one can be."""
    forms = {"sections": "template", "text_replacements": "transformation"}
    for name, form in forms.items():
        if given.values.get(name) and given.values.setdefault("form", form) != form:
            remedy = f'is for form = "{form}"; the form is {given.values["form"]!r}'
            problems.add(given.key(name), f"{len(_names(given, name))} tables", remedy)
    for name in forms:
        names = [one for one in _names(given, name) if one]
        if len(set(names)) < len(names):
            problems.add(given.key(name), names, "name each one differently")


def _refuse_passages_of_stages(given: Gathered, problems: Problems) -> None:
    stages = given.values.get("pipeline_modules")
    for name in _PASSAGES:
        if given.values.get(name) and isinstance(stages, list) and len(stages) > 1:
            remedy = "leave it out: what the stages of a pipeline say is learned from their calls"
            problems.add(given.key(name), _names(given, name), remedy)


def _names(given: Gathered, name: str) -> list[str]:
    tables = given.values.get(name)
    return [one.name for one in tables] if isinstance(tables, list) else []


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
