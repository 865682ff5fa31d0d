"""An instruction as lines, some of which guide one label: what the writer edits and renders."""

import re
from dataclasses import dataclass, field

from ray_promptopt.llm.embedded.text import stems_of

_ENTRY = re.compile(
    r"^\s*(?:[-*•]|\d+[.)])\s+[`'\"*]*(?P<label>[A-Za-z][\w?-]*(?: [\w?-]+){0,4}?)[`'\"*]*"
    r"(?::[*]*|\s+[—–-]|\s*->|\s*=)\s+(?P<rest>\S.*)$"  # noqa: RUF001
)
_QUOTED = re.compile(r"[\"“]([^\"”\n]{1,80})[\"”]")
_RIVAL = re.compile(r"[;,(]?\s*\bnot\s+[`'\"]?(?P<label>[A-Za-z]\w*_\w+|\w+)[`'\"]?\)?\.?", re.I)
_MEANING = re.compile(r"^\s*[-*•]\s+(?P<says>[\"“].*[\"”])\s+means?\s+\"?(?P<word>[\w'-]+)\"?\.?$")
MEANINGS_HEADING = "Vocabulary:"
HEADING = "Guidance per label:"


@dataclass(slots=True)
class Entry:
    """The guidance for one label: words of its own, cues (best first), labels it is not."""

    label: str
    lead: str
    cues: list[str] = field(default_factory=list)
    rivals: list[str] = field(default_factory=list)

    def add_cue(self, cue: str) -> None:
        """Add a cue unless one with the same stems is there."""
        if all(stems_of(cue) != stems_of(known) for known in self.cues):
            self.cues.append(cue)

    def render(self) -> str:
        """The entry as one line."""
        quoted = ", ".join(f'"{cue}"' for cue in self.cues)
        parts = [part for part in (self.lead.strip(), quoted) if part]
        nots = "".join(f"; not {rival}" for rival in self.rivals)
        return f"- {self.label}: {' '.join(parts)}{nots}"


@dataclass(slots=True)
class Meaning:
    """Phrases of everyday speech that mean a word of the labels."""

    word: str
    says: list[str] = field(default_factory=list)

    def add(self, phrase: str) -> None:
        """Add a phrase unless it is there."""
        if phrase not in self.says:
            self.says.append(phrase)

    def render(self) -> str:
        """The meaning as one line."""
        quoted = ", ".join(f'"{phrase}"' for phrase in self.says)
        return f"- {quoted} mean {self.word}"


class Instruction:
    """A text with its guidance entries taken apart; everything else is kept as it stands."""

    def __init__(self, text: str, labels: frozenset[str]) -> None:
        self.lines: list[str | Entry | Meaning] = []
        for line in text.rstrip().split("\n"):
            self.lines.append(_entry_of(line, labels) or _meaning_of(line) or line)

    @property
    def entries(self) -> list[Entry]:
        """The guidance, in order."""
        return [line for line in self.lines if isinstance(line, Entry)]

    @property
    def meanings(self) -> list[Meaning]:
        """What phrases mean, in order."""
        return [line for line in self.lines if isinstance(line, Meaning)]

    def meaning_of(self, word: str) -> Meaning:
        """The line on a word; a new one goes behind the last, or under a heading of its own."""
        for meaning in self.meanings:
            if meaning.word == word:
                return meaning
        meaning = Meaning(word)
        known = [n for n, line in enumerate(self.lines) if isinstance(line, Meaning)]
        if known:
            self.lines.insert(known[-1] + 1, meaning)
        else:
            self.lines.extend(["", MEANINGS_HEADING, meaning])
        return meaning

    def entry_for(self, label: str, lead: str) -> Entry:
        """The entry of a label; a new one goes behind the last, or under a heading at the end."""
        for entry in self.entries:
            if entry.label == label:
                return entry
        entry = Entry(label, lead)
        last = max(
            (n for n, line in enumerate(self.lines) if isinstance(line, Entry)), default=None
        )
        if last is None:
            self.lines.extend(["", HEADING, entry])
        else:
            self.lines.insert(last + 1, entry)
        return entry

    def add_rule(self, rule: str) -> None:
        """Add a general line before the guidance, unless the text says as much already."""
        if is_told(rule, [line for line in self.lines if isinstance(line, str)]):
            return
        first = next((n for n, line in enumerate(self.lines) if not isinstance(line, str)), None)
        if first is None:
            self.lines.append(rule)
            return
        while first > 0 and self.lines[first - 1] in ("", HEADING, MEANINGS_HEADING):
            first -= 1
        self.lines.insert(first, rule)

    def shorten_to(self, max_words: int, max_chars: int | None = None) -> None:
        """Drop the weakest cues of the longest lines, then lines, until the limits are met.

        The first line and lines with a placeholder stay, whatever the limit.
        """
        while self._is_above(max_words, max_chars):
            guidance = [line for line in self.lines if not isinstance(line, str)]
            longest = max(guidance, key=lambda line: len(_phrases_of(line)), default=None)
            if longest is None:
                spare = [n for n, line in enumerate(self.lines) if n and "{" not in str(line)]
                if not spare:
                    return
                del self.lines[spare[-1]]
            elif len(_phrases_of(longest)) > 1:
                _phrases_of(longest).pop()
            else:
                self.lines.remove(guidance[-1])

    def _is_above(self, max_words: int, max_chars: int | None) -> bool:
        text = self.render()
        return len(text.split()) > max_words or (max_chars is not None and len(text) > max_chars)

    def render(self) -> str:
        """The text again."""
        rendered = [line if isinstance(line, str) else line.render() for line in self.lines]
        return "\n".join(rendered).strip("\n")


def is_told(rule: str, lines: list[str]) -> bool:
    """Whether one of the lines shares most of its words with the rule."""
    wanted = set(stems_of(rule))
    for line in lines:
        said = set(stems_of(line))
        if wanted and len(wanted & said) / len(wanted | said) > 0.7:
            return True
    return False


def _phrases_of(line: Entry | Meaning) -> list[str]:
    return line.cues if isinstance(line, Entry) else line.says


def _meaning_of(line: str) -> Meaning | None:
    match = _MEANING.match(line)
    says = _QUOTED.findall(match["says"]) if match else []
    return Meaning(match["word"], says) if match and says else None


def _entry_of(line: str, labels: frozenset[str]) -> Entry | None:
    match = _ENTRY.match(line)
    if match is None:
        return None
    label, rest = match["label"], match["rest"]
    cues = _QUOTED.findall(rest)
    if "{" in line or not (label in labels or (cues and "_" in label)):
        return None
    unquoted = _QUOTED.sub("\x00", rest)
    rivals = [
        m["label"] for m in _RIVAL.finditer(unquoted) if "_" in m["label"] or m["label"] in labels
    ]
    for rival in rivals:
        unquoted = re.sub(rf"[;,(]?\s*\bnot\s+[`'\"]?{re.escape(rival)}[`'\"]?\)?\.?", "", unquoted)
    lead = re.sub(r"[\s,;]*\x00[\s,;.]*", " ", unquoted).strip()
    return Entry(label, lead, cues, rivals)
