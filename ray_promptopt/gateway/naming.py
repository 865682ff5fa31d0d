"""What a caller is told the model is: the alias it knows, where the trial's model goes by one."""

from collections.abc import Mapping
from typing import Any

from ray_promptopt.llm.stream import Event

_WHOLE = "response"
"""Where an event of the Responses API holds a whole response."""


def named(body: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """The body with this name of its model; as it is without one."""
    if name is None or "model" not in body:
        return body
    return {**body, "model": name}


def named_event(event: Event, name: str | None) -> Event:
    """The same for an event; one that is changed has lost the bytes that it came as."""
    if name is None or event.value is None:
        return event
    value = dict(named(event.value, name))
    if isinstance(value.get(_WHOLE), Mapping):
        value[_WHOLE] = named(value[_WHOLE], name)
    if value == event.value:
        return event
    return Event(event.frame._replace(plain=False), value)
