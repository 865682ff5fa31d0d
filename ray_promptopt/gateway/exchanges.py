"""What is recorded of a call: the app's own words, the model's reply, or how the call failed."""

import time

from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange
from ray_promptopt.core.usage import NO_SPEND
from ray_promptopt.gateway.replies import Refusal
from ray_promptopt.llm.call import UpstreamReply
from ray_promptopt.llm.providers.base import CANDIDATE_CODES


def answered(
    messages: tuple[ChatMessage, ...],
    answer: UpstreamReply,
    said: str,
    notes: tuple[str, ...],
    started_s: float,
) -> Exchange:
    """A call that the model answered; `started_s` is of the monotonic clock."""
    return Exchange(
        messages=messages,
        reply=said,
        model=answer.model,
        spend=answer.spend,
        latency_s=time.monotonic() - started_s,
        status_code=200,
        notes=notes,
        cached=answer.cached,
        fallback_from=answer.fallback_from,
    )


def failed(
    messages: tuple[ChatMessage, ...],
    refusal: Refusal,
    *,
    model: str,
    started_s: float,
    partial: UpstreamReply | None = None,
    said: str = "",
) -> Exchange:
    """A call that got no answer, or, with a `partial` one, not the whole of it."""
    return Exchange(
        messages=messages,
        reply=said,
        model=partial.model if partial else model,
        spend=partial.spend if partial else NO_SPEND,
        latency_s=time.monotonic() - started_s,
        status_code=refusal.status_code,
        failure=refusal.message,
        failure_code=refusal.code,
        candidate_fault=refusal.code in CANDIDATE_CODES,
        fatal=refusal.fatal,
        retry_after_s=refusal.retry_after_s,
        notes=partial.notes if partial else (),
        cached=partial.cached if partial else False,
        fallback_from=partial.fallback_from if partial else None,
    )
