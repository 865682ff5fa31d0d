"""Demonstrations that answered by a tool: told as `name(arguments)`, shown as the call it was.

As text they would teach the model to write a call down instead of making it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ray_promptopt.core.messages import ChatMessage

DONE_BY_TOOL = "ok"
"""What a shown call gave: providers want a result behind every call."""
_DECODER = json.JSONDecoder()


class ShownCall(NamedTuple):
    """`arguments` is JSON, as it was; nine letters and digits is an id that every server takes."""

    id: str
    name: str
    arguments: str


class ShownTurn(NamedTuple):
    """A turn; with `calls` its text is theirs."""

    turn: ChatMessage
    calls: tuple[ShownCall, ...] = ()


def shown_answers(turns: Sequence[ChatMessage], tools: Any) -> Iterator[ShownTurn]:
    """Each turn, with the calls that its text tells of, if the request has tools of these names."""
    names = _names(tools)
    number = 0
    for turn in turns:
        told = _calls_in(turn.content, names) if turn.role == "assistant" else []
        calls = tuple(
            ShownCall(f"demo{place:05d}", name, arguments)
            for place, (name, arguments) in enumerate(told, number)
        )
        number += len(calls)
        yield ShownTurn(turn, calls)


def _names(tools: Any) -> set[str]:
    """Of functions: chat completions have them one level deeper than the Responses API."""
    found: set[str] = set()
    for tool in tools if isinstance(tools, list) else ():
        inner = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
            found.add(inner["name"])
    return found


def _calls_in(text: str, names: set[str]) -> list[tuple[str, str]]:
    """Name and arguments of each call, one after the other; empty unless that is all of the text.

    >>> _calls_in('pick({"label": "lost"})', {"pick"})
    [('pick', '{"label": "lost"}')]
    """
    calls: list[tuple[str, str]] = []
    rest = text.strip()
    while rest:
        name, _, after = rest.partition("(")
        if name not in names:
            return []
        try:
            _, end = _DECODER.raw_decode(after)
        except ValueError:
            return []
        if after[end : end + 1] != ")":
            return []
        calls.append((name, after[:end]))
        rest = after[end + 1 :].lstrip()
    return calls
