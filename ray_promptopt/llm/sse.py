"""Server-sent events without I/O: bytes in, whole frames out, each with the bytes it came as.

A frame is what stands between two blank lines. Source: html.spec.whatwg.org, section 9.2.
"""

import re
from typing import NamedTuple

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r|\r\n\n|\n\r\n")
_LINE_END = re.compile(r"\r\n|\n|\r")
_LONGEST_BLANK_LINE = 4
LARGEST_FRAME_BYTES = 8 * 1024 * 1024


class FrameTooLarge(ValueError):
    """The sender never ends its frame."""


class Frame(NamedTuple):
    """One frame. `data` is None for a comment; `plain`: it holds data and an event name at most."""

    raw: bytes
    data: str | None
    event: str | None
    plain: bool


class SseParser:
    """Feed it what arrives; a frame is given out once its blank line is there."""

    def __init__(self) -> None:
        self._rest = b""
        self._searched = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that this chunk completes. Raises FrameTooLarge."""
        self._rest += chunk
        frames: list[Frame] = []
        start = 0
        while found := _BLANK_LINE.search(self._rest, max(start, self._searched)):
            frames.append(read_frame(self._rest[start : found.end()]))
            start = found.end()
        self._rest = self._rest[start:]
        self._searched = max(0, len(self._rest) - _LONGEST_BLANK_LINE + 1)
        if len(self._rest) > LARGEST_FRAME_BYTES:
            raise FrameTooLarge(f"a frame of more than {LARGEST_FRAME_BYTES} bytes")
        return frames

    def rest(self) -> Frame | None:
        """The half frame that is left when the sender has ended; None when there is none."""
        return read_frame(self._rest) if self._rest.strip() else None


def read_frame(raw: bytes) -> Frame:
    """The fields of one frame."""
    data: list[str] = []
    event: str | None = None
    plain = True
    # Not splitlines(): it also splits at characters that may stand in a model's text.
    for line in _LINE_END.split(raw.decode("utf-8", "replace").removeprefix("\ufeff")):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            event = value
        elif line:
            plain = False
    return Frame(raw, "\n".join(data) if data else None, event, plain)


def data_frame(data: str, event: str | None = None) -> bytes:
    """A frame that holds this data; it must have no line break."""
    named = f"event: {event}\n" if event else ""
    return f"{named}data: {data}\n\n".encode()
