"""One call, from its body to its record: resolved, substituted, sent, relayed.

Whatever happens to it, its outlet gets an answer and its caller exactly one exchange.
"""

import contextlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange
from ray_promptopt.gateway import exchanges, replies
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.dialects import Dialect
from ray_promptopt.gateway.outlet import Outlet
from ray_promptopt.gateway.paths import Route
from ray_promptopt.gateway.replies import BadRequest, UnknownTrial
from ray_promptopt.gateway.resolver import TrialResolver
from ray_promptopt.llm.prices import Prices
from ray_promptopt.llm.stream import UpstreamStream
from ray_promptopt.llm.upstream import Upstream
from ray_promptopt.prompts.substitution import plan_substitution

_log = logging.getLogger(__name__)


@dataclass
class _Call:
    """What is known of a call while it is made."""

    dialect: Dialect
    outlet: Outlet
    started_s: float = field(default_factory=time.monotonic)
    asked: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[ChatMessage, ...] = ()
    model: str = ""


class CallRunner:
    """Makes the calls of one replica."""

    def __init__(self, resolver: TrialResolver, upstream: Upstream, *, drain_s: float) -> None:
        self._resolver = resolver
        self._upstream = upstream
        self._drain_s = drain_s

    async def run(self, route: Route, dialect: Dialect, raw: bytes, outlet: Outlet) -> Exchange:
        """Never raises: a call that was opened must be closed."""
        call = _Call(dialect, outlet)
        try:
            binding = await self._resolver.resolve(route.reference)
            if binding is None:
                raise UnknownTrial()
            call.model = binding.upstream.model
            call.asked = parse_body(raw)
            call.messages = dialect.read(call.asked)
            body = substituted(dialect, call.asked, call.messages, binding)
            if call.asked.get("stream"):
                return await self._streamed(call, binding, body)
            return await self._whole(call, binding, body)
        except Exception as error:  # noqa: BLE001 - an open call would hold its rollout up
            refusal = replies.refusal_of(error)
            if refusal.code == "gateway_error":
                # A traceback may show a prompt.
                kind = type(error).__name__
                _log.error("call failed: trial=%s error=%s", route.reference, kind)
            await _refuse(call, refusal)
            return exchanges.failed(
                call.messages, refusal, model=call.model, started_s=call.started_s
            )

    async def _whole(self, call: _Call, binding: TrialBinding, body: dict[str, Any]) -> Exchange:
        dialect = call.dialect
        answer = await self._upstream.complete(
            binding.upstream, body, Prices(binding.prices), wire=dialect.wire
        )
        said = dialect.reply_text(answer.body)
        reply = replies.success(dialect.shown_body(answer.body, call.asked))
        call.outlet.answer(reply)
        return exchanges.answered(call.messages, answer, said, call.started_s)

    async def _streamed(self, call: _Call, binding: TrialBinding, body: dict[str, Any]) -> Exchange:
        stream = await self._upstream.stream(
            binding.upstream, body, Prices(binding.prices), wire=call.dialect.wire
        )
        try:
            await self._relay(call, stream)
            call.outlet.end()
        except UpstreamError as error:
            refusal = replies.refusal_of(error)
            await _refuse(call, refusal)
            return exchanges.failed(
                call.messages,
                refusal,
                model=call.model,
                started_s=call.started_s,
                partial=stream.reply,
                said=call.dialect.reply_text(stream.reply.body),
            )
        finally:
            await stream.aclose()
        answer = stream.reply
        said = call.dialect.reply_text(answer.body)
        return exchanges.answered(call.messages, answer, said, call.started_s)

    async def _relay(self, call: _Call, stream: UpstreamStream) -> None:
        """Every event to the caller, and to nobody once the caller has gone."""
        outlet = call.outlet
        outlet.on_gone = lambda: stream.leave_within(self._drain_s)
        if outlet.gone:
            outlet.on_gone()
        outlet.begin()
        async with contextlib.aclosing(stream.events()) as events:
            async for event in events:
                shown = call.dialect.shown_event(event, call.asked)
                if shown is not None:
                    await outlet.write(shown)


async def _refuse(call: _Call, refusal: replies.Refusal) -> None:
    if not call.outlet.streams:
        call.outlet.answer(refusal.reply)
        return
    await call.outlet.write(call.dialect.error_event(refusal.error))
    call.outlet.end()


def substituted(
    dialect: Dialect,
    asked: Mapping[str, Any],
    messages: tuple[ChatMessage, ...],
    binding: TrialBinding,
) -> dict[str, Any]:
    """The body that goes upstream. Raises SubstitutionError when the call is not the baseline's."""
    if binding.candidate is None or binding.baseline is None:
        return dict(asked)
    return dialect.put(asked, plan_substitution(messages, binding.baseline, binding.candidate))


def parse_body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request. Raises BadRequest."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    return body
