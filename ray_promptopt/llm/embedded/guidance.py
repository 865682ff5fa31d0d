"""Reads guidance about labels out of instruction text: who is meant, which words speak for it.

A line is one statement: `label: ...`, `... -> label`, `Use label when ...`, `If ..., choose label,
not other`. Quoted phrases are strong cues; other words of the line are weak ones.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from ray_promptopt.llm.embedded.text import STOP_STEMS, stems_of, words_of

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'`])")
_QUOTED = re.compile(
    r"\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|`([^`\n]{1,80})`|(?<!\w)'([^'\n]{2,80})'(?!\w)"
)
_BEFORE_PLAIN = (
    r"(?:^[\s\-*•\d.)#>]*|[\"'`*“]|(?:->|→|=>)\s*|"
    r"\b(?:choose|use|answer|select|pick|return|output|intent|label|category|not|than|of|prefer|is)\s+)"
)
_NEGATION = re.compile(
    r"(?:\bnot|\brather than|\binstead of|\bnever|\bavoid|\bdon'?t (?:use|choose)|\bunlike)"
    r"(?:\s+(?:use|choose|for|the|to|be|confused|with))*[\s\"'`*“(]*$",
    re.IGNORECASE,
)
_OR = re.compile(r"^[\s\"'`*”,]*(?:or|nor|and|,)[\s\"'`*“]*$", re.IGNORECASE)
_FRAME_WORDS = """
choose use answer select pick return output intent label category customer query user asks asking
wants mentions mention says cue cues example examples covers about means phrases like e.g. i.e.
instead rather than never avoid prefer only whenever question anything words keywords typical clue
clues contains signs signals wording over
"""
_FRAME = frozenset(stems_of(_FRAME_WORDS))
_MEANS = re.compile(
    r"^(?P<says>.*[\"”`'])\s*(?:all\s+)?(?:means?|stands? for|refers? to|(?:is|are) (?:the same as|"
    r"another way to say|ways to say)|=)\s+[\"“`']?(?P<words>[\w' -]{2,40}?)[\"”`']?\s*[.;]?$",
    re.IGNORECASE,
)
_PHRASE_BREAK = re.compile(r"[,;:()./]|\bor\b|\band\b|->|→|\bwhen\b|\bif\b")


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase, as stems, that speaks for (`against`: for taking from) a label."""

    label: int
    stems: tuple[str, ...]
    quoted: bool
    against: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """The cues of one line and how far into the prompt it stands, in words."""

    cues: tuple[Cue, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Synonym:
    """A phrase of everyday speech, as stems, the words it means, and where the prompt says so."""

    phrase: tuple[str, ...]
    words: tuple[str, ...]
    position: int


class LabelFinder:
    """Finds mentions of known labels; plain-word labels count only where a label is expected."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        by_form = {_form(label): index for index, label in enumerate(labels) if _form(label)}
        self._by_form = by_form
        names = sorted(by_form, key=len, reverse=True)
        pattern = "|".join(r"[_\s\-]".join(map(re.escape, name.split())) for name in names)
        self._pattern = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE) if names else None
        self._expected = re.compile(rf"{_BEFORE_PLAIN}$", re.IGNORECASE)

    def find(self, line: str) -> list[tuple[int, int, int]]:
        """(label, start, end) of every mention, in order."""
        if self._pattern is None:
            return []
        return [
            (self._by_form[_form(match.group())], match.start(), match.end())
            for match in self._pattern.finditer(line)
            if "_" in match.group() or self._is_expected(line, match.start(), match.end())
        ]

    def _is_expected(self, line: str, start: int, end: int) -> bool:
        return bool(self._expected.search(line[:start])) and (
            line[:start].strip(" -*•0123456789.)#>\"'`“") != ""
            or line[end : end + 3].lstrip("*\"'`” ").startswith((":", "-", "—", "=", "→"))
            or not line[end:].strip("\"'`*” .")
        )


@lru_cache(maxsize=4096)
def _form(label: str) -> str:
    return " ".join(re.split(r"[_\s\-]+", label.lower().strip(" ?.!")))


def read_statement(line: str, position: int, finder: LabelFinder) -> Statement:
    """All the cues of one line; a sentence that names no label speaks of the one before it."""
    cues: list[Cue] = []
    targets: list[int] = []
    for sentence in _SENTENCE_END.split(line):
        mentions = finder.find(sentence)
        positive, negative = _sides(sentence, mentions)
        targets = positive or targets
        if targets:
            body = _without(sentence, mentions)
            cues.extend(_cues(body, targets, tuple(negative)))
    return Statement(tuple(cues), position)


def _sides(sentence: str, mentions: list[tuple[int, int, int]]) -> tuple[list[int], list[int]]:
    positive: list[int] = []
    negative: list[int] = []
    previous_end, previous_side = 0, positive
    for label, start, end in mentions:
        between = sentence[previous_end:start]
        if _NEGATION.search(sentence[:start]):
            side = negative
        else:
            side = previous_side if previous_end and _OR.match(between) else positive
        if label not in side:
            side.append(label)
        previous_end, previous_side = end, side
    return positive, [label for label in negative if label not in positive]


def _without(sentence: str, mentions: list[tuple[int, int, int]]) -> str:
    parts, here = [], 0
    for _, start, end in mentions:
        parts.append(sentence[here:start])
        here = end
    return " ; ".join([*parts, sentence[here:]])


def _cues(body: str, targets: list[int], against: tuple[int, ...]) -> list[Cue]:
    quoted = [next(filter(None, groups)) for groups in _QUOTED.findall(body)]
    plain = _PHRASE_BREAK.split(_QUOTED.sub(" ; ", body))
    phrases = [(tuple(stems_of(phrase)), True) for phrase in quoted]
    phrases += [(_content(phrase), False) for phrase in plain]
    return [
        Cue(label, stems, is_quoted, against)
        for stems, is_quoted in phrases
        if stems and not (is_quoted is False and len(stems) > 12)
        for label in targets
    ]


def _content(phrase: str) -> tuple[str, ...]:
    return tuple(s for s in stems_of(phrase) if s not in STOP_STEMS and s not in _FRAME)


def read_synonyms(line: str, position: int) -> list[Synonym]:
    """What a line such as `"money back", "reimbursed" mean refund` says about words."""
    match = _MEANS.match(line.strip())
    if match is None:
        return []
    words = tuple(words_of(match["words"]))
    phrases = (next(filter(None, groups)) for groups in _QUOTED.findall(match["says"]))
    return [
        Synonym(stems, words, position) for phrase in phrases if (stems := tuple(stems_of(phrase)))
    ]
