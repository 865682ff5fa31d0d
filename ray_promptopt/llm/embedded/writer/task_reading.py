"""What a prompt asks of the writer: the kind of work, the texts it starts from, what it shows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ray_promptopt.llm.embedded.labels import find_label_block
from ray_promptopt.llm.embedded.writer.edits import Edit, cues_of, read_diff, read_rejected
from ray_promptopt.llm.embedded.writer.examples import Example, read_examples
from ray_promptopt.llm.embedded.writer.sections import Section, find_sections, is_example_like

_JUDGE = re.compile(
    r"\brubric\b|\bcriteri(?:on|a)\b|\b(?:score|grade|rate|judge|evaluate) the (?:following|"
    r"response|answer|text|output)",
    re.IGNORECASE,
)
_INSTRUCTION_WANTED = re.compile(
    r"\b(?:new|improved|better|revised|merged|combined|proposed|updated|single|shorter|one)\b"
    r"[^.\n]{0,40}\b(?:instructions?|prompt|text|version)\b|"
    r"\b(?:propose|write|improve|rewrite|merge|combine|rebase|shorten)\b[^.\n]{0,60}"
    r"\b(?:instructions?|prompts?|texts?|edits?|lessons?)\b|\bproposed[_ ]instruction",
    re.IGNORECASE,
)
_SUMMARY = re.compile(r"\b(?:summar(?:y|ise|ize)|observations|describe the data)", re.IGNORECASE)
_MERGE = re.compile(r"\b(?:merge|combine|rebase|crossover|reconcile|unify)\b", re.IGNORECASE)
_LIMIT = re.compile(
    r"(?:at most|no more than|under|within|fewer than|less than|maximum(?: of)?|"
    r"limit(?:ed)?(?: to)?|up to|not exceed|below)\s+(?P<n>\d[\d,]*)\s*"
    r"(?P<unit>words?|tokens?|characters?|chars?)",
    re.IGNORECASE,
)
_SHORTEN = re.compile(
    r"\b(?:shorten|make it shorter|shorter (?:version|instruction|prompt)|too long|"
    r"concise version)\b",
    re.I,
)
_REJECTED = re.compile(
    r"^[^\n]*\b(?:rejected|did not help|failed edits?|already tried|tried before|do not repeat)\b"
    r"[^\n]*\n"
    r"(?P<body>(?:(?!\n\n(?![ \t]*[-*\d`])).)*)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_TRIED_TAG = re.compile(r"<rejected_edits>\n(?P<body>.*?)\n</rejected_edits>", re.DOTALL)
_PROGRAM_TAG = re.compile(r"<program_code>\n.*?\n</program_code>", re.DOTALL)
_VARY = re.compile(r"\b(?:another|different|alternative) version\b", re.IGNORECASE)
_RULE = re.compile(
    r"^\s*(?:[-*•]\s+)?\**(?P<kind>(?:must|should)(?: not)?|rule|always|never|do not)\b[ :*]*"
    r"(?P<rule>[^\n]{8,200})$",
    re.IGNORECASE | re.MULTILINE,
)
_CHARS_PER_UNIT = {"t": 4, "c": 1}


class Work(Enum):
    """The kinds of work the writer knows."""

    IMPROVE = "improve"
    MERGE = "merge"
    VARY = "vary"
    SUMMARISE = "summarise"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class WriterTask:
    """A prompt for the writer, as read."""

    work: Work
    instructions: tuple[str, ...]
    examples: tuple[Example, ...]
    labels: tuple[str, ...]
    avoided: frozenset[tuple[str, ...]]
    rules: tuple[str, ...]
    max_words: int | None
    max_chars: int | None
    shorten: bool
    edits: tuple[Edit, ...]
    tried: tuple[Edit, ...]
    around: str
    prompt: str


def read_task(prompt: str) -> WriterTask:
    """Read a prompt of any layout."""
    tried_text = "\n".join(match["body"] for match in _TRIED_TAG.finditer(prompt))
    read = _PROGRAM_TAG.sub("", _TRIED_TAG.sub("", prompt))
    sections = find_sections(read)
    chosen = _instructions(sections)
    diffs = [section for section in sections if section.is_diff]
    around = _without(read, sorted([*chosen, *diffs], key=lambda section: section.start))
    rejected = "\n".join(match["body"] for match in _REJECTED.finditer(around))
    around = _REJECTED.sub("", around)
    shown = [s.body for s in sections if s not in chosen and is_example_like(s.body)]
    examples = tuple(read_examples(_REJECTED.sub("", "\n\n".join(shown)) or around))
    instructions = tuple(dict.fromkeys(section.body for section in chosen))
    known = dict.fromkeys(find_label_block(around).labels)
    for example in examples:
        known.update(dict.fromkeys(x for x in (example.expected, example.answered) if x))
    tried = read_rejected(tried_text)
    edits = tuple(read_diff(section.body) for section in diffs)
    return WriterTask(
        work=_work(around, instructions, examples, edits),
        instructions=instructions,
        examples=examples,
        labels=tuple(known),
        avoided=cues_of(tried, f"{tried_text}\n{rejected}"),
        rules=tuple(_rule(match["kind"], match["rule"]) for match in _RULE.finditer(around)),
        max_words=_limit(around, {"w": 1}),
        max_chars=_limit(around, _CHARS_PER_UNIT),
        shorten=_SHORTEN.search(around) is not None,
        edits=edits,
        tried=tuple(tried),
        around=around,
        prompt=read,
    )


def _instructions(sections: list[Section]) -> list[Section]:
    """The sections that are instructions; a single one without a name may still be it."""
    named = [s for s in sections if s.is_instruction and not _REJECTED.search(s.intro + "\n")]
    shows = [s for s in sections if read_examples(s.body)]
    if not named and len(sections) > len(shows):
        named = [next(s for s in sections if s not in shows)]
    kept: list[Section] = []
    for section in named:
        if section not in shows and (not kept or section.start >= kept[-1].end):
            kept.append(section)
    return kept


def _without(prompt: str, sections: list[Section]) -> str:
    parts, here = [], 0
    for section in sections:
        parts.append(prompt[here : section.start])
        here = section.end
    return "\n".join([*parts, prompt[here:]])


def _work(
    around: str,
    instructions: tuple[str, ...],
    examples: tuple[Example, ...],
    edits: tuple[Edit, ...],
) -> Work:
    wanted = _INSTRUCTION_WANTED.search(around) is not None
    if _JUDGE.search(around) and not wanted:
        return Work.JUDGE
    several = len(instructions) > 1 or (instructions and edits)
    if several and (_MERGE.search(around) or not examples):
        return Work.MERGE
    if instructions and not examples and _VARY.search(around):
        return Work.VARY
    if not wanted and _SUMMARY.search(around):
        return Work.SUMMARISE
    return Work.IMPROVE


def _rule(kind: str, rule: str) -> str:
    """A rule that stands alone: a prohibition keeps its `never`."""
    forbids = kind.lower() in ("must not", "should not", "never", "do not")
    return f"Never: {rule.strip()}" if forbids else rule.strip()


def _limit(around: str, units: Mapping[str, int]) -> int | None:
    """The smallest limit in these units (by first letter), times what one of them holds."""
    limits = [
        int(match["n"].replace(",", "")) * units[unit]
        for match in _LIMIT.finditer(around)
        if (unit := match["unit"][0].lower()) in units
    ]
    return max(min(limits), 20) if limits else None
