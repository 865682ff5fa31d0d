"""Cuts a prompt for the writer into its parts: fenced blocks, tags and headed sections."""

import json
import re
from dataclasses import dataclass
from typing import Any

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w-]*)[ \t]*$")
_TAG = re.compile(r"<(?P<tag>[A-Za-z][\w-]*)[^<>\n]*>\n?(?P<body>.*?)</(?P=tag)>", re.DOTALL)
_HEADER = re.compile(r"^(?:#{1,6}[ \t]+(?P<md>.+?)#*|\*\*(?P<bold>[^*\n]+?):?\*\*:?)[ \t]*$", re.M)
_NAME = re.compile(r"^(?P<name>[A-Z][A-Z ()/_-]{2,60}|[A-Z][\w ]{0,30}[Ii]nstruction):", re.M)
_INSTRUCTION_NAME = re.compile(
    r"instruction|prompt|current[ _-]?(?:text|component)|candidate|parent|child|lesson|base|"
    r"ancestor",
    re.IGNORECASE,
)
_EXAMPLE_LIKE = re.compile(
    r"^#{1,6}[ \t]*Example\b|^#{1,6}[ \t]*(?:Feedback|Generated Outputs?)\b"
    r"|^[ \t]*(?:\*\*|<)?Feedback(?:[ \t]*:|>)|^[ \t]*<example",
    re.IGNORECASE | re.MULTILINE,
)
_INTRO_CHARS = 240


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the prompt, what introduces it, and where it stands."""

    intro: str
    body: str
    start: int
    end: int
    language: str = ""

    @property
    def is_diff(self) -> bool:
        """A fenced block that is marked as a diff."""
        return self.language == "diff"

    @property
    def is_instruction(self) -> bool:
        """Introduced as an instruction or prompt, and not a list of examples."""
        if self.is_diff:
            return False
        last_lines = " ".join(self.intro.strip().splitlines()[-2:])
        return bool(_INSTRUCTION_NAME.search(last_lines)) and not is_example_like(self.body)


def find_sections(text: str) -> list[Section]:
    """Fenced blocks; where there is none, tagged parts; else parts under headers or names."""
    return _fenced(text) or _tagged(text) or _headed(text) or _named(text)


def is_example_like(text: str) -> bool:
    """Whether the text holds marked examples or feedback."""
    return _EXAMPLE_LIKE.search(text) is not None


def from_json(text: str) -> str:
    """A prompt that is one JSON object, told with headers, so that one reader serves all."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return _told(value, 1) if isinstance(value, dict) else text


def _told(value: Any, level: int) -> str:
    if isinstance(value, dict):
        parts = []
        for key, item in value.items():
            name = str(key).replace("_", " ")
            parts.append(f"{'#' * min(level, 6)} {name}\n{_told(item, level + 1)}")
        return "\n\n".join(parts)
    if isinstance(value, list):
        if all(isinstance(item, str | int | float) for item in value):
            return "\n".join(f"- {item}" for item in value)
        numbered = enumerate(value, start=1)
        return "\n\n".join(
            f"{'#' * min(level, 6)} Example {n}\n{_told(item, level + 1)}" for n, item in numbered
        )
    return str(value)


def _fenced(text: str) -> list[Section]:
    """Pairs of fences; a fence with a language inside an open block opens a nested one, and a
    fence that is shorter than the open one is part of its content."""
    sections: list[Section] = []
    open_fences: list[int] = []
    start, here, previous_end, body_start, language = 0, 0, 0, 0, ""
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line.rstrip("\n"))
        if fence and not open_fences:
            open_fences = [len(fence[1])]
            start, body_start, language = here, here + len(line), fence[2]
        elif fence and fence[2]:
            open_fences.append(len(fence[1]))
        elif fence and len(fence[1]) >= open_fences[-1]:
            open_fences.pop()
            if not open_fences:
                intro = text[max(previous_end, start - _INTRO_CHARS) : start]
                body = text[body_start:here].strip("\n")
                previous_end = here + len(line)
                sections.append(Section(intro, body, start, previous_end, language))
        here += len(line)
    return [section for section in sections if section.body.strip()]


def _tagged(text: str) -> list[Section]:
    return [
        Section(match["tag"].replace("_", " "), match["body"].strip("\n"), *match.span())
        for match in _TAG.finditer(text)
    ]


def _headed(text: str) -> list[Section]:
    headers = list(_HEADER.finditer(text))
    if not headers:
        return []
    ends = [header.start() for header in headers[1:]] + [len(text)]
    return [
        Section(
            header["md"] or header["bold"],
            text[header.end() : end].strip("\n"),
            header.start(),
            end,
        )
        for header, end in zip(headers, ends, strict=True)
    ]


def _named(text: str) -> list[Section]:
    """`NAME: text` parts, each up to the blank line before the next one."""
    names = list(_NAME.finditer(text))
    ends = [name.start() for name in names[1:]] + [len(text)]
    return [
        Section(name["name"], text[name.end() : end].strip("\n "), name.start(), end)
        for name, end in zip(names, ends, strict=bool(names))
        if text[name.end() : end].strip()
    ]
