"""Writes what was asked for: a better instruction, a merged one, a summary, or a judgement."""

import json
import random
import re
from dataclasses import dataclass, replace

from ray_promptopt.llm.embedded.answering import Reply, fill_fields
from ray_promptopt.llm.embedded.requests import ChatRequest, SchemaField
from ray_promptopt.llm.embedded.text import content_words, stems_of, words_of
from ray_promptopt.llm.embedded.thesaurus import is_said, ways_to_say
from ray_promptopt.llm.embedded.writer.cues import CueChoice, CueContext, choose_cues
from ray_promptopt.llm.embedded.writer.examples import Example
from ray_promptopt.llm.embedded.writer.instruction import Instruction, is_told
from ray_promptopt.llm.embedded.writer.judge import judge
from ray_promptopt.llm.embedded.writer.merging import merge_entry, merged_instruction
from ray_promptopt.llm.embedded.writer.sections import from_json
from ray_promptopt.llm.embedded.writer.task_reading import Work, WriterTask, read_task
from ray_promptopt.llm.embedded.writer.variants import (
    FORMAT_RULE,
    MEANING_RULES,
    READ_RULE,
    TIE_RULE,
    varied_instruction,
)

MAX_WORDS = 900
_SHORTER = 0.65
_MAX_RIVALS = 2
_MAX_LESSONS = 3
_MAX_REDRAWS = 6
_LEADS = ("cues", "signs:", "says:", "words:")
_FORMAT_TROUBLE = re.compile(
    r"\b(?:format|sentence|parse|only the|not (?:one )?(?:of|in) the (?:list|labels|intents)|"
    r"no tool|exact(?:ly)? (?:label|name|match))\b",
    re.IGNORECASE,
)
_WHOLE_JSON = re.compile(r"\bJSON\b")
_JSON_KEY = re.compile(r"\"(?P<key>[a-z_]*(?:instruction|prompt|text|summary)[a-z_]*)\"\s*:", re.I)


@dataclass(frozen=True, slots=True)
class _Style:
    """The chances this request takes: cues per example, noise, shares of optional parts."""

    failed_cues: int
    right_cues: int
    noise: float
    lead: str
    rival_share: float
    right_share: float
    word_share: float
    num_ways: int


def answer_as_writer(request: ChatRequest) -> Reply:
    """The assistant message of the writer."""
    said = "\n\n".join(from_json(turn.content) for turn in request.turns)
    task = read_task(said)
    rng = random.Random(request.seed if request.temperature > 0 else 0)
    if task.work is Work.JUDGE:
        fields = request.tools[0].fields if request.tools else request.json_fields
        judged = judge(said, fields, wants_json=request.wants_json or bool(request.tools))
        if request.tools:
            return Reply(None, request.tools[0].name, judged)
        return Reply(judged)
    if task.work is Work.SUMMARISE:
        text = _summary(task)
    elif task.work is Work.MERGE:
        text = _fitted(merged_instruction(task), task, max(task.instructions, key=len))
    elif task.work is Work.VARY:
        varied = varied_instruction(task, request.temperature, rng)
        text = _fitted(varied, task, task.instructions[0])
    else:
        text = _untried(task, request.temperature, rng)
    return _delivered(request, task, text)


def _untried(task: WriterTask, temperature: float, rng: random.Random) -> str:
    """An improvement that is not, line for line, one of the rejected edits."""
    current = set(task.instructions[0].split("\n")) if task.instructions else set()
    tried = [set(edit.added) for edit in task.tried]
    text = improve(task, temperature, rng)
    for more in range(1, _MAX_REDRAWS + 1):
        if set(text.split("\n")) - current not in tried:
            break
        text = improve(task, temperature + 0.2 * more, rng)
    return text


def improve(task: WriterTask, temperature: float, rng: random.Random) -> str:
    """The current instruction with lessons from the examples worked in."""
    style = _style(temperature, rng, task.prompt)
    current = task.instructions[0] if task.instructions else _first_draft(task)
    instruction = Instruction(current, frozenset(task.labels))
    labelled = [example for example in task.examples if example.expected]
    for told in Instruction(task.around, frozenset(task.labels)).entries:
        if told.cues:
            merge_entry(instruction.entry_for(told.label, told.lead), told)
    context = _context(task, instruction)
    if not any(example.failed for example in labelled):
        style = replace(style, right_share=1.0)
    for example in sorted(labelled, key=lambda e: not e.failed):
        _teach(instruction, example, context, style, rng)
        if example.failed:
            _teach_words(instruction, example, style, rng)
    if not labelled:
        _add_lessons(instruction, task)
    _add_rules(instruction, task, temperature, rng)
    return _fitted(instruction, task, current)


def _style(temperature: float, rng: random.Random, prompt: str) -> _Style:
    """At temperature 0 the plain middle way; above it other ways in proportion."""
    spread = min(temperature, 1.5)
    simple = re.search(r"\b(?:simple|short|concise)\b", prompt) is not None
    descriptive = re.search(r"\b(?:descriptive|detailed|specific)\b", prompt) is not None
    base = 3 + descriptive - simple
    wander = round(spread * (rng.random() - 0.3) * 1.6)
    return _Style(
        failed_cues=max(1, base + wander),
        right_cues=2,
        noise=0.3 * spread,
        lead=_LEADS[int(rng.random() * len(_LEADS) * min(spread, 0.999))],
        rival_share=0.25 + 0.25 * spread * (rng.random() - 0.5),
        right_share=0.5 + 0.5 * spread * (rng.random() - 0.5),
        word_share=0.6 + 0.6 * spread * (rng.random() - 0.5),
        num_ways=3 + round(2 * spread * (rng.random() - 0.5)),
    )


def _context(task: WriterTask, instruction: Instruction) -> CueContext:
    context = CueContext(avoided=task.avoided)
    for label in task.labels:
        context.add_label(label)
    for example in task.examples:
        if example.expected:
            context.add_example(example.expected, example.text)
    for entry in instruction.entries:
        context.add_label(entry.label)
        context.add_cues(entry.label, entry.cues)
    return context


def _teach(
    instruction: Instruction,
    example: Example,
    context: CueContext,
    style: _Style,
    rng: random.Random,
) -> None:
    """Put the cues of one example into its label's line."""
    label = example.expected or ""
    if not example.failed and rng.random() > style.right_share:
        return
    wanted = CueChoice(style.failed_cues if example.failed else style.right_cues, style.noise)
    cues = choose_cues(example.text, label, context, wanted, rng)
    if not cues:
        return
    entry = instruction.entry_for(label, style.lead)
    for cue in cues:
        entry.add_cue(cue)
    context.add_cues(label, cues)
    rival = example.answered
    if (
        example.failed
        and rival
        and rival not in entry.rivals
        and len(entry.rivals) < _MAX_RIVALS
        and rng.random() < style.rival_share
    ):
        entry.rivals.append(rival)


def _teach_words(
    instruction: Instruction, example: Example, style: _Style, rng: random.Random
) -> None:
    """Say what everyday phrases mean the words of the label's name: met in the text, or likely."""
    text_stems = stems_of(example.text)
    for word in words_of((example.expected or "").replace("_", " ")):
        ways = ways_to_say(word)
        met = [phrase for phrase in ways if is_said(phrase, text_stems)]
        if not met and (not ways or rng.random() > style.word_share):
            continue
        more = [phrase for phrase in ways if phrase not in met]
        meaning = instruction.meaning_of(word)
        for phrase in [*met, *more[: style.num_ways]]:
            meaning.add(phrase)


def _add_lessons(instruction: Instruction, task: WriterTask) -> None:
    """Where no labels are at stake: what the feedback says, as rules."""
    lessons = [
        " ".join(example.feedback.split("\n")[0].split())[:200]
        for example in task.examples
        if example.feedback
    ]
    for lesson in list(dict.fromkeys(lessons))[:_MAX_LESSONS]:
        instruction.add_rule(f"- {lesson}")


def _add_rules(
    instruction: Instruction, task: WriterTask, temperature: float, rng: random.Random
) -> None:
    if any(_FORMAT_TROUBLE.search(example.feedback) for example in task.examples):
        instruction.add_rule(FORMAT_RULE)
    if any(_unlike_its_label(example) for example in task.examples) and rng.random() < 0.5:
        instruction.add_rule(MEANING_RULES[int(rng.random() * min(temperature, 0.999) * 3)])
    told = [line for line in instruction.lines if isinstance(line, str)]
    unsaid = [f"- {rule}" for rule in task.rules if not is_told(f"- {rule}", told)]
    for rule in unsaid[:_MAX_LESSONS]:
        instruction.add_rule(rule)
    for rule in (FORMAT_RULE, TIE_RULE, READ_RULE):
        if rng.random() < 0.08 * temperature:
            instruction.add_rule(rule)


def _unlike_its_label(example: Example) -> bool:
    """A failure whose text shares no word with the label that was expected."""
    name = set(stems_of((example.expected or "").replace("_", " ")))
    return example.failed and not name & set(stems_of(example.text))


def _fitted(instruction: Instruction, task: WriterTask, current: str) -> str:
    """The text within every limit that the prompt names."""
    limit = min(task.max_words or MAX_WORDS, MAX_WORDS)
    if task.shorten:
        limit = min(limit, max(20, int(len(current.split()) * _SHORTER)))
    instruction.shorten_to(limit, task.max_chars)
    return instruction.render()


def _first_draft(task: WriterTask) -> str:
    """Without an instruction to start from: what the labels and examples say the task is."""
    if task.labels:
        return "Read the query and answer with the one label from the list that fits it best."
    return "Read the input with care and answer it exactly, using only what is given."


def _summary(task: WriterTask) -> str:
    """What the examples are about, label by label."""
    by_label: dict[str, list[str]] = {}
    for example in task.examples:
        by_label.setdefault(example.expected or "", []).append(example.text)
    lines = [f"The data set shows short texts ({len(task.examples)} seen)."]
    context = CueContext()
    for label, texts in by_label.items():
        for text in texts:
            context.add_example(label, text)
    quiet = random.Random(0)
    for label, texts in by_label.items():
        cues = [c for t in texts for c in choose_cues(t, label, context, CueChoice(2, 0.0), quiet)]
        quoted = ", ".join(f'"{cue}"' for cue in dict.fromkeys(cues))
        if label and quoted:
            lines.append(f"- {label}: cues {quoted}")
    if not by_label:
        frequent = sorted(set(content_words(task.prompt)), key=len, reverse=True)[:8]
        lines = [f"The texts speak of: {', '.join(frequent)}."]
    return "\n".join(lines)


def _delivered(request: ChatRequest, task: WriterTask, text: str) -> Reply:
    """In the form asked for; an instruction always stands between closed fences."""
    fields = request.tools[0].fields if request.tools else request.json_fields
    main = _text_field(fields)
    if request.tools:
        return Reply(None, request.tools[0].name, json.dumps(fill_fields(fields, main, text, 0.5)))
    if fields:
        return Reply(json.dumps(fill_fields(fields, main, text, 0.5)))
    key = _JSON_KEY.search(task.prompt)
    if request.wants_json or (key and _WHOLE_JSON.search(task.prompt)):
        return Reply(json.dumps({key["key"] if key else "instruction": text}))
    if task.work is Work.SUMMARISE:
        return Reply(text)
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return Reply(f"{fence}\n{text}\n{fence}")


def _text_field(fields: tuple[SchemaField, ...]) -> SchemaField | None:
    strings = [f for f in fields if f.kind == "string"]
    named = [f for f in strings if re.search(r"instruction|prompt|text|summary", f.name, re.I)]
    return next(iter([*named, *strings]), None)
