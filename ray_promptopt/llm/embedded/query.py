"""Cuts the query out of a conversation, so that the rest (the prompt) can be read once and kept."""

import re
from dataclasses import dataclass

from ray_promptopt.llm.embedded.requests import Turn

_MARKER = re.compile(
    r"^[ \t>#*]*(?:(?:customer|user|client|new|current|the)[ _])?"
    r"(?:query|message|input|text|question|utterance|request|sentence)[ \t*]*:[ \t*]*",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER_FIELD = re.compile(
    r"^[ \t>#*]*(?:the[ ])?(?:correct[ ]|expected[ ])?(?:intent|label|category|class|answer|output)"
    r"[ \t*]*:[ \t*]*(?P<value>\S[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD = re.compile(r"^[ \t>#*]*[A-Za-z][\w \t]{0,40}:", re.MULTILINE)
_TAGGED = re.compile(r"<(query|input|message|text)>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
PLACE_OF_QUERY = "\u241f"


@dataclass(frozen=True, slots=True)
class Reading:
    """The query, and the conversation with the query taken out of it."""

    query: str
    rest: tuple[Turn, ...]


def cut_query(turns: tuple[Turn, ...]) -> Reading:
    """The query is in the last user turn (else the last turn): tagged, marked, or all of it."""
    users = [i for i, turn in enumerate(turns) if turn.role == "user"] or [len(turns) - 1]
    if not turns:
        return Reading("", ())
    index = users[-1]
    text = turns[index].content
    start, end = _span_of_query(text)
    rest = Turn(turns[index].role, text[:start] + PLACE_OF_QUERY + text[end:])
    return Reading(text[start:end].strip(), (*turns[:index], rest, *turns[index + 1 :]))


def _span_of_query(text: str) -> tuple[int, int]:
    tagged = list(_TAGGED.finditer(text))
    if tagged:
        return tagged[-1].span(2)
    for marker in reversed(list(_MARKER.finditer(text))):
        end = _end_of_field(text, marker.end())
        if text[marker.end() : end].strip() and not _is_answered(text, end):
            return marker.end(), end
    return _unmarked(text)


def _end_of_field(text: str, start: int) -> int:
    """A field ends at a blank line or before the next `Name:` line, once it holds something."""
    here = start
    while (line_end := text.find("\n", here)) != -1:
        following = text[line_end + 1 :]
        blank = not following.split("\n", 1)[0].strip()
        if text[start:line_end].strip() and (blank or _FIELD.match(following)):
            return line_end
        here = line_end + 1
    return len(text)


def _is_answered(text: str, end: int) -> bool:
    """A marked text followed at once by its label is a demonstration, not the query."""
    answer = _ANSWER_FIELD.match(text, min(end + 1, len(text)))
    return answer is not None and bool(answer["value"].strip())


def _unmarked(text: str) -> tuple[int, int]:
    """Without a marker: the whole turn, or its first paragraph when more follows."""
    if "\n\n" not in text.strip():
        return 0, len(text)
    begin = len(text) - len(text.lstrip())
    return begin, text.index("\n\n", begin)


@dataclass(frozen=True, slots=True)
class AnsweredText:
    """A marked text with the answer that follows it, and the characters both take up."""

    text: str
    answer: str
    start: int
    end: int


def find_answered(text: str) -> list[AnsweredText]:
    """Every `Query: ...` block that is followed by its `Intent: ...` line."""
    found = []
    for marker in _MARKER.finditer(text):
        end = _end_of_field(text, marker.end())
        answer = _ANSWER_FIELD.match(text, min(end + 1, len(text)))
        if answer is not None:
            said = text[marker.end() : end].strip()
            found.append(AnsweredText(said, answer["value"].strip(), marker.start(), answer.end()))
    return found
