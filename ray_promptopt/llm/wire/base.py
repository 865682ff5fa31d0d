"""What the upstream calls need to know of an API, whoever serves it."""

from collections.abc import Mapping
from typing import Any, Protocol

from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.providers import Prepared, Provider


class Assembler(Protocol):
    """Adds the events of one stream up to the body that the call would have had without it."""

    @property
    def finished(self) -> bool:
        """Whether the model has said all that it had to say."""
        ...

    def add(self, event: Mapping[str, Any]) -> None:
        """Take one event in; unknown shapes are passed over, never an error."""
        ...

    def body(self) -> dict[str, Any]:
        """The reply as far as it has come."""
        ...


class Wire(Protocol):
    """One API. `path` follows a provider's base URL."""

    @property
    def path(self) -> str: ...

    @property
    def noun(self) -> str:
        """What its reply is called, in errors."""
        ...

    def prepare(
        self, provider: Provider, body: Mapping[str, Any], model: UpstreamModel
    ) -> Prepared:
        """The body as the provider takes it. Raises UpstreamError when it does not."""
        ...

    def is_reply(self, body: Mapping[str, Any]) -> bool:
        """Whether a decoded 200 is a reply of this API."""
        ...

    def as_stream(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request as one that streams and says what it used."""
        ...

    def error_in(self, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The error that a 200 or an event of a stream reports; None for any other."""
        ...

    def assembler(self) -> Assembler: ...

    def said(self, body: Mapping[str, Any]) -> Any:
        """What the model wrote, as a value that stands for its length."""
        ...

    def finish_reasons(self, body: Mapping[str, Any]) -> list[str]:
        """Why the model stopped, of each of its answers that says so."""
        ...
