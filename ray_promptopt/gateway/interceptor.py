"""The pure part: what the app's messages say, and the body with a candidate's text in it.

Text may stand in a string or in content parts; everything that is not replaced is passed as is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.exchanges import whole_text
from ray_promptopt.gateway.replies import BadRequest
from ray_promptopt.prompts.substitution import plan_substitution

_MOST_MESSAGES = 1000


def read_messages(body: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
    """The app's messages as text. Raises BadRequest when they are not chat messages."""
    raw = body.get("messages")
    if not isinstance(raw, list) or not raw:
        raise BadRequest("messages must be a non-empty list", "messages")
    if len(raw) > _MOST_MESSAGES:
        raise BadRequest(f"at most {_MOST_MESSAGES} messages are taken", "messages")
    messages = []
    for index, message in enumerate(raw):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise BadRequest(f"messages[{index}] needs a role", "messages")
        messages.append(
            ChatMessage(whole_text(message["role"]), whole_text(_text(message.get("content"))))
        )
    return tuple(messages)


def substitute(
    body: Mapping[str, Any], messages: Sequence[ChatMessage], binding: TrialBinding
) -> dict[str, Any]:
    """The body that goes upstream. Raises SubstitutionError when the call is not the baseline's."""
    if binding.candidate is None or binding.baseline is None:
        return dict(body)
    planned = plan_substitution(messages, binding.baseline, binding.candidate)
    replaced = list(body["messages"])
    for index, text in planned.items():
        original = replaced[index]
        replaced[index] = {**original, "content": _with_text(original["content"], text)}
    return {**body, "messages": replaced}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(
        part["text"]
        for part in content
        if isinstance(part, Mapping) and isinstance(part.get("text"), str)
    )


def _with_text(content: Any, text: str) -> Any:
    """The same shape of content: parts that are not text keep their places."""
    if not isinstance(content, list):
        return text
    parts: list[Any] = []
    placed = False
    for part in content:
        if not (isinstance(part, Mapping) and isinstance(part.get("text"), str)):
            parts.append(part)
        elif not placed:
            parts.append({**part, "text": text})
            placed = True
    return parts
