"""A recorded request outside of any call: which API it is of, and what its messages say."""

from collections.abc import Mapping
from typing import Any

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.gateway.dialects import DIALECTS
from ray_promptopt.gateway.replies import BadRequest


def messages_of(body: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
    """The messages of a chat completion's or a response's body. Raises ValueError in words."""
    api = "chat/completions" if "messages" in body else "responses"
    try:
        return DIALECTS[api].read(body)
    except BadRequest as bad:
        raise ValueError(f"{bad.param}: {bad.message}") from bad
