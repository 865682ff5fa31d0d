"""Reads the examples of a prompt: the text, the answer, what was expected instead."""

import re
from dataclasses import dataclass

from ray_promptopt.llm.embedded.labels import find_label_block
from ray_promptopt.llm.embedded.query import cut_query, find_answered
from ray_promptopt.llm.embedded.requests import Turn

_SPLIT = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]*Example\b[^\n]*|\**Example[ #]*\d+[ :.)*-]*|<example[^>]*>"
    r"|-{3,})[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_NAME = r"[`'\"“*]*(?P<label>(?<=[`'\"])[^`'\"\n]{1,60}(?=[`'\"])|[A-Za-z]\w*(?:[-?]\w*)?)"
_EXPECTED = re.compile(
    r"(?:\bexpected|\bcorrect|\bgold|\bright|\btrue|\btarget|\bshould (?:be|have been)|"
    r"\bground truth)(?:[ ]+(?:the|intent|label|answer|category|class|output|response|one|is"
    rf"|was|to be))*[ ]*(?:is|was|:|=)?[ ]*{_NAME}",
    re.IGNORECASE,
)
_ANSWERED = re.compile(
    r"(?:\b(?:the )?(?:answer|response|output|prediction|model)(?: was| is|:)|\bgot|\bpredicted|"
    r"\banswered|\breturned|\bchose|\bpicked|\brather than|\binstead of|\bnot)"
    rf"(?:[ ]+(?:the|intent|label|was|answered|said))*[ ]*:?[ ]*{_NAME}",
    re.IGNORECASE,
)
_FIELD_NAME = (
    r"(?P<name>(?:generated |assistant'?s? |model |program |task )?"
    r"(?:inputs?|outputs?|responses?|feedback|evaluation|score))"
)
_FIELD_MARKS = re.compile(
    rf"^[ \t]*(?:#{{1,6}}[ \t]*{_FIELD_NAME}[ \t:]*$"
    rf"|\*\*{_FIELD_NAME.replace('?P<name>', '?P<bold>')}[ :]*\*\*[ :]*"
    rf"|<{_FIELD_NAME.replace('?P<name>', '?P<tag>')}>"
    rf"|{_FIELD_NAME.replace('?P<name>', '?P<plain>')}[ \t]*:)",
    re.IGNORECASE | re.MULTILINE,
)
_END_OF_EXAMPLES = re.compile(
    r"^[ \t]*(?:\[\[ ##|#{1,3}[ \t]+(?!example|query|text|message|label|intent)\w|`{3,}|"
    r"</examples>|"
    r"(?:your task|now |please |write |provide |propose |return |respond |"
    r"produce |merge )[^\n]{12,})",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_TEXT = re.compile(
    r"\b(?:for|query|text|input|message)\b[^\"\n]{0,20}[:=]?[ ]*\"([^\"\n]{3,400})\""
)
_SUBHEADED = re.compile(
    r"^#{1,6}[ \t]*(?:customer[ ])?(?:query|text|message|question|utterance)[ \t]*:?\n+"
    r"(?P<text>\S[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSING_TAG = re.compile(r"</[A-Za-z][\w-]*>")
_ROLE = re.compile(r"^[ \t]*[\[<(]?(?:user|system|assistant)[\]>)]?[ \t]*:[ \t]*", re.I | re.M)
_RIGHT = re.compile(
    r"(?<!in)(?<!not )\bcorrect(?:ly)?\b(?! (?:intent|label|answer|category))|"
    r"\bscore\W{1,3}(?:of )?1(?:\.0+)?\b",
    re.I,
)
_WRONG = re.compile(
    r"\bincorrect|\bwrong\b|\bnot correct|\bexpected\b|\bshould\b|\bscore\W{1,3}(?:of )?0", re.I
)
_NOT_LABEL_WORDS = """
the a an is was be been but and or not in on one answer label intent category class output correct
incorrect wrong right it this that yes no none true false tool call with for to of given so only
"""
_NOT_LABELS = frozenset(_NOT_LABEL_WORDS.split())


@dataclass(frozen=True, slots=True)
class Example:
    """One example as read; `answered` equals `expected` where the answer was right."""

    text: str
    expected: str | None
    answered: str | None
    feedback: str

    @property
    def failed(self) -> bool:
        """Whether the answer is known to be wrong."""
        return self.expected is not None and self.answered != self.expected


def read_examples(text: str) -> list[Example]:
    """Every example of the text that shows an input, in order."""
    chunks = _SPLIT.split(text)
    chunks = chunks[1:] if len(chunks) > 1 else chunks
    if len(chunks) == 1:
        return _answered_blocks(text) or _feedback_lines(text) or _chunk_if_any(chunks[0])
    found = [_read_chunk(chunk) for chunk in chunks]
    return [example for example in found if example.text and (example.expected or example.feedback)]


def _chunk_if_any(chunk: str) -> list[Example]:
    example = _read_chunk(chunk)
    return [example] if "feedback" in _fields_of(chunk) and example.text else []


def _fields_of(chunk: str) -> dict[str, str]:
    """The inputs, outputs and feedback of a chunk, under whatever marks; `inputs` by default."""
    fields: dict[str, str] = {}
    name, here = "inputs", 0
    for mark in _FIELD_MARKS.finditer(chunk):
        fields[name] = f"{fields.get(name, '')}\n{chunk[here : mark.start()]}"
        found = mark["name"] or mark["bold"] or mark["tag"] or mark["plain"]
        name, here = _plain_name(found.lower()), mark.end()
    tail = chunk[here:]
    if name != "inputs":
        end = _END_OF_EXAMPLES.search(tail)
        tail = tail[: end.start()] if end else tail
    fields[name] = f"{fields.get(name, '')}\n{tail}"
    return {key: _CLOSING_TAG.sub("", value).strip() for key, value in fields.items()}


def _plain_name(name: str) -> str:
    if "output" in name or "response" in name:
        return "outputs"
    return "inputs" if "input" in name else "feedback"


def _answered_blocks(text: str) -> list[Example]:
    if "feedback" in _fields_of(text):
        return []
    return [
        Example(found.text, label, label, "")
        for found in find_answered(text)
        if (label := found.answer.strip(" `'\"*."))
    ]


def _feedback_lines(text: str) -> list[Example]:
    """Feedback that stands alone, a line each, with the text it is about in quotes."""
    examples = []
    for line in text.splitlines():
        quoted = _QUOTED_TEXT.search(line)
        example = _judged(line, "") if quoted else None
        if quoted and example and example.expected:
            examples.append(Example(quoted[1], example.expected, example.answered, line.strip()))
    return examples


def _read_chunk(chunk: str) -> Example:
    fields = _fields_of(chunk)
    feedback = fields.get("feedback", "")
    judged = _judged(feedback, fields.get("outputs", ""))
    if not feedback and judged.expected is None:
        blocks = _answered_blocks(chunk)
        if blocks:
            return blocks[0]
    text = _input_text(fields.get("inputs", ""), feedback)
    return Example(text, judged.expected, judged.answered, feedback)


def _judged(feedback: str, outputs: str) -> Example:
    """What the feedback expected and what was answered instead."""
    expected = _first_name(_EXPECTED, feedback)
    answered = _first_name(_ANSWERED, feedback) or _output_label(outputs)
    if expected is None and _RIGHT.search(feedback) and not _WRONG.search(feedback):
        expected = answered
    elif expected is not None and answered == expected and _WRONG.search(outputs):
        answered = None
    return Example("", expected, answered, feedback)


def _first_name(pattern: re.Pattern[str], text: str) -> str | None:
    for match in pattern.finditer(text):
        name = match["label"].rstrip(".,;:")
        if name.lower() not in _NOT_LABELS:
            return name
    return None


def _output_label(outputs: str) -> str | None:
    """The value of a JSON argument, or the one identifier that the output is."""
    value = re.search(
        r"\\?\"(?:intent|label|category|answer|class)\\?\"\s*:\s*\\?\"([^\"\\]+)", outputs
    )
    if value:
        return value[1]
    words = [w for w in re.findall(r"[A-Za-z][\w?-]*", outputs) if w.lower() not in _NOT_LABELS]
    with_bars = [word for word in words if "_" in word]
    return with_bars[-1] if with_bars else (words[0] if len(words) == 1 else None)


def _input_text(inputs: str, feedback: str) -> str:
    """The text the task is about: a field, a quote of the feedback, or all that is no list."""
    plain = _ROLE.sub("\n", inputs)
    field = _SUBHEADED.search(plain) or re.search(
        r"\"(?:query|text|input|message|question)\"\s*:\s*\"(?P<text>(?:[^\"\\]|\\.)+)\"", plain
    )
    if field:
        return field["text"].strip()
    quoted = _QUOTED_TEXT.search(feedback)
    if quoted:
        return quoted[1]
    plain = re.sub(r"^[ \t]*#{1,6}[^\n]*$", "", plain, flags=re.M)
    block = find_label_block(plain)
    kept = [line for n, line in enumerate(plain.split("\n")) if n not in block.lines]
    query = cut_query((Turn("user", "\n".join(kept).strip()),)).query
    return re.sub(r"</?\w+>", "", query).strip()[:400]
