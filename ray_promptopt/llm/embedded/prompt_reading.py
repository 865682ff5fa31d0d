"""Reads the part of a conversation that is not the query: labels, guidance, demonstrations, format.

Pure; the reader keeps what was read, as many queries share one prompt.
"""

import re
from dataclasses import dataclass

from ray_promptopt.llm.embedded.guidance import (
    LabelFinder,
    Statement,
    Synonym,
    read_statement,
    read_synonyms,
)
from ray_promptopt.llm.embedded.labels import LabelBlock, find_label_block
from ray_promptopt.llm.embedded.query import PLACE_OF_QUERY, cut_query, find_answered
from ray_promptopt.llm.embedded.requests import Turn

_ONLY = re.compile(
    r"\b(?:only|just|exactly|nothing else|no (?:other|extra|additional) (?:text|words)|verbatim)\b"
    r"[^.\n]{0,60}\b(?:label|intent|name|category|class|answer|one)\b|"
    r"\b(?:label|intent|name|category|class|answer)\b[^.\n]{0,40}"
    r"\b(?:only|alone|nothing else|exactly as|verbatim|without (?:any )?explanation)\b",
    re.IGNORECASE,
)
_JSON = re.compile(r"\bJSON\b")
_JSON_KEY = re.compile(r"[{,]\s*[\"']([A-Za-z_]\w*)[\"']\s*:")
_MEANING = re.compile(
    r"\b(?:synonyms?|paraphras\w+|different words|own words|by meaning|"
    r"everyday (?:words|language)|what (?:the )?\w+ means?|what is meant|"
    r"(?:meaning|intention|intent) behind|"
    r"(?:not|beyond|rather than) (?:just |only |on )?(?:the )?(?:exact |literal |shared )?"
    r"(?:words|wording|keywords))\b",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"^[\s>#*-]*[\w /'-]{0,60}(?:intent|label|category|candidate|prediction|draft|suggestion|guess|"
    r"classification|answer|stage|hint)[\w /'-]{0,30}[ *]*[:=]\s*\S",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A query with its label, and how far into the prompt it stands, in words."""

    text: str
    label: int
    position: int


@dataclass(frozen=True, slots=True)
class OutputRules:
    """What the prompt asks of the form of the answer."""

    label_only: bool
    json_key: str | None


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A prompt as read.

    `suggested`: labels an earlier stage named beside the query; `by_meaning`: after how many words
    it asks to go by meaning rather than wording, if it does.
    """

    labels: tuple[str, ...]
    statements: tuple[Statement, ...]
    synonyms: tuple[Synonym, ...]
    demonstrations: tuple[Demonstration, ...]
    suggested: tuple[int, ...]
    output: OutputRules
    by_meaning: int | None
    num_words: int


def read_prompt(rest: tuple[Turn, ...], offered: tuple[str, ...]) -> ReadPrompt:
    """Read `rest`; `offered` are the labels a schema allows (empty: find them in the text)."""
    blocks = [find_label_block(turn.content) for turn in rest]
    labels = offered or max((block.labels for block in blocks), key=len, default=())
    finder = LabelFinder(labels)
    statements: list[Statement] = []
    synonyms: list[Synonym] = []
    demonstrations: list[Demonstration] = []
    suggested: dict[int, None] = {}
    position = 0
    for index, (turn, block) in enumerate(zip(rest, blocks, strict=True)):
        if turn.role == "assistant":
            demonstrations.extend(_pair(rest, index, finder, position))
        else:
            reader = _TurnReader(finder, block, position)
            text = reader.take_demonstrations(turn.content)
            statements.extend(reader.read_lines(text))
            synonyms.extend(reader.synonyms)
            demonstrations.extend(reader.demonstrations)
            if PLACE_OF_QUERY in turn.content:
                suggested.update(dict.fromkeys(reader.suggested))
        position += len(turn.content.split())
    said = "\n".join(turn.content for turn in rest if turn.role != "assistant")
    return ReadPrompt(
        labels=labels,
        statements=tuple(statements),
        synonyms=tuple(synonyms),
        demonstrations=tuple(demonstrations),
        suggested=tuple(suggested),
        output=_output_rules(said),
        by_meaning=_words_before(_MEANING, said),
        num_words=position,
    )


def _pair(
    rest: tuple[Turn, ...], index: int, finder: LabelFinder, position: int
) -> list[Demonstration]:
    """The demonstration an assistant turn completes, if it answers a user turn with a label."""
    if index == 0 or rest[index - 1].role != "user":
        return []
    label = _label_in(rest[index].content, finder)
    query = cut_query((rest[index - 1],)).query
    return [Demonstration(query, label, position)] if label is not None and query else []


def _label_in(answer: str, finder: LabelFinder) -> int | None:
    mentions = finder.find(answer) or finder.find(f"label: {answer.strip()}")
    return mentions[0][0] if mentions else None


def _output_rules(said: str) -> OutputRules:
    key = _JSON_KEY.search(said) if _JSON.search(said) else None
    wants_json = _JSON.search(said) is not None
    return OutputRules(
        label_only=_ONLY.search(said) is not None,
        json_key=(key.group(1) if key else "intent") if wants_json else None,
    )


def _words_before(pattern: re.Pattern[str], said: str) -> int | None:
    match = pattern.search(said)
    return len(said[: match.start()].split()) if match else None


class _TurnReader:
    """Reads one turn's lines in order, with the heading a bullet belongs to."""

    def __init__(self, finder: LabelFinder, block: LabelBlock, position: int) -> None:
        self._finder = finder
        self._block = block
        self._position = position
        self.synonyms: list[Synonym] = []
        self.demonstrations: list[Demonstration] = []
        self.suggested: list[int] = []

    def take_demonstrations(self, text: str) -> str:
        """Move `Query:`/`Intent:` blocks out of the text; their lines stay, empty."""
        for found in reversed(find_answered(text)):
            label = _label_in(found.answer, self._finder)
            if label is None or PLACE_OF_QUERY in found.text:
                continue
            position = self._position + len(text[: found.start].split())
            self.demonstrations.insert(0, Demonstration(found.text, label, position))
            taken = "\n" * text.count("\n", found.start, found.end)
            text = text[: found.start] + taken + text[found.end :]
        return text

    def read_lines(self, text: str) -> list[Statement]:
        """One statement per line that speaks of a label."""
        statements = []
        position = self._position
        heading = ""
        for number, line in enumerate(text.split("\n")):
            here, position = position, position + len(line.split())
            if number in self._block.lines or not line.strip():
                heading = "" if number in self._block.lines else heading
                continue
            mentions = self._finder.find(line)
            synonyms = [] if mentions else read_synonyms(line, here)
            if synonyms:
                self.synonyms.extend(synonyms)
                continue
            if mentions and _REMARK.match(line) and not self._speaks_of_cues(line, mentions[-1][2]):
                self.suggested.extend(label for label, _, _ in mentions)
                continue
            heading = self._heading(line, mentions, heading)
            is_item = line[:1] in " \t-*•"
            spoken = line if mentions or not (heading and is_item) else f"{heading}: {line}"
            statement = read_statement(spoken, here, self._finder)
            if statement.cues:
                statements.append(statement)
        return statements

    @staticmethod
    def _speaks_of_cues(line: str, end_of_label: int) -> bool:
        return len(line[end_of_label:].split()) > 2

    @staticmethod
    def _heading(line: str, mentions: list[tuple[int, int, int]], heading: str) -> str:
        """A line that is a label and nothing else heads the bullets below it."""
        if len(mentions) == 1:
            _, start, end = mentions[0]
            outside = line[:start] + line[end:]
            return line[start:end] if not re.search(r"\w{2}", outside) else ""
        return heading if line[:1] in " \t-*•" and not mentions else ""
