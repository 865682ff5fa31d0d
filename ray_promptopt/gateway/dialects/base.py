"""What the gateway asks of an API: where its prompts stand, and what of an answer may be shown."""

from collections.abc import Mapping
from typing import Any, Protocol

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.llm.stream import Event
from ray_promptopt.llm.wire import Wire
from ray_promptopt.prompts.substitution import Plan


class Dialect(Protocol):
    """One API. All of it is pure."""

    @property
    def wire(self) -> Wire: ...

    def read(self, body: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
        """The caller's messages as text. Raises BadRequest when there are none to be read."""
        ...

    def put(self, body: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
        """The body with texts replaced and examples put in, everything else as it was."""
        ...

    def shown_body(self, answer: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
        """The reply as the caller may see it."""
        ...

    def shown_event(self, event: Event, asked: Mapping[str, Any]) -> bytes | None:
        """What the caller gets of one event of a stream: its own bytes, wherever that may be."""
        ...

    def error_event(self, error: Mapping[str, Any]) -> bytes:
        """An error after the first byte."""
        ...

    def reply_text(self, answer: Mapping[str, Any]) -> str:
        """What the model said, for the trace."""
        ...
