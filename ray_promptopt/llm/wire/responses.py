"""The Responses API: whole responses, and events of which the last holds the whole response."""

from collections.abc import Mapping
from typing import Any

from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.llm.providers import Prepared, Provider

_LAST = ("response.completed", "response.incomplete")


class ResponsesWire:
    """`POST …/responses`."""

    path = "responses"
    noun = "response"

    def prepare(
        self, provider: Provider, body: Mapping[str, Any], model: UpstreamModel
    ) -> Prepared:
        """Raises UpstreamError for a provider that does not serve this API."""
        return provider.prepare_response(body, model)

    def is_reply(self, body: Mapping[str, Any]) -> bool:
        """It has a list of outputs."""
        return isinstance(body.get("output"), list)

    def as_stream(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Usage comes with the last event in any case."""
        return {**body, "stream": True}

    def error_in(self, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """An `error` event, a failed response, or an error in place of either."""
        response = value.get("response")
        if value.get("type") == "response.failed" and isinstance(response, Mapping):
            value = {"error": response.get("error") or {"message": "failed"}}
        error = value.get("error")
        if isinstance(error, Mapping):
            return error
        return {"message": str(error)} if error else value if value.get("type") == "error" else None

    def assembler(self) -> "ResponsesAssembler":
        """A fresh one."""
        return ResponsesAssembler()

    def said(self, body: Mapping[str, Any]) -> Any:
        """The outputs."""
        return body.get("output")

    def finish_reasons(self, body: Mapping[str, Any]) -> list[str]:
        """What cut the response short, else its status."""
        details = body.get("incomplete_details")
        cut_by = details.get("reason") if isinstance(details, Mapping) else None
        reason = cut_by or body.get("status")
        return [reason] if isinstance(reason, str) else []


RESPONSES = ResponsesWire()


class ResponsesAssembler:
    """The last event's response; until it is there, the text so far in a response's shape."""

    def __init__(self) -> None:
        self._begun: dict[str, Any] = {}
        self._whole: dict[str, Any] | None = None
        self._text: list[str] = []

    @property
    def finished(self) -> bool:
        """Whether the last event has come."""
        return self._whole is not None

    def add(self, event: Mapping[str, Any]) -> None:
        """One event."""
        response = event.get("response")
        if isinstance(response, Mapping):
            if event.get("type") in _LAST:
                self._whole = dict(response)
            else:
                self._begun = dict(response)
        delta = event.get("delta")
        if isinstance(delta, str):
            self._text.append(delta)

    def body(self) -> dict[str, Any]:
        """As a response."""
        if self._whole is not None:
            return self._whole
        part = {"type": "output_text", "text": "".join(self._text)}
        message = {"type": "message", "role": "assistant", "content": [part]}
        return {**self._begun, "output": [message]}
