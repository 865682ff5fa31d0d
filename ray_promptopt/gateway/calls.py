"""One call, from its body to its record: resolved, substituted, sent, relayed.

Whatever happens to it, its outlet gets an answer and its caller exactly one exchange.
"""

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.core.trace import Exchange
from ray_promptopt.gateway import exchanges, replies
from ray_promptopt.gateway.answers import Answers, Question
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.dialects import Dialect
from ray_promptopt.gateway.given_up import GivenUp
from ray_promptopt.gateway.limits import GatewayLimits
from ray_promptopt.gateway.naming import named, named_event
from ray_promptopt.gateway.outlet import Outlet
from ray_promptopt.gateway.paths import Route
from ray_promptopt.gateway.quoting import QUOTED, quotes_candidate
from ray_promptopt.gateway.replaying import AnswerStream
from ray_promptopt.gateway.replies import BadRequest, Overloaded, UnknownTrial
from ray_promptopt.gateway.resolver import TrialResolver
from ray_promptopt.llm.call import UpstreamReply
from ray_promptopt.prompts.substitution import plan_substitution

_log = logging.getLogger(__name__)


@dataclass
class Call:
    """What is known of a call while it is made, and after."""

    dialect: Dialect
    outlet: Outlet
    trace_headers: Mapping[str, str] = field(default_factory=dict)
    started_s: float = field(default_factory=time.monotonic)
    asked: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[ChatMessage, ...] = ()
    binding: TrialBinding | None = None
    reply: UpstreamReply | None = None

    @property
    def provider(self) -> str:
        """As the trial has it."""
        return self.binding.upstream.provider if self.binding else ""

    @property
    def model(self) -> str:
        """As the trial has it."""
        return self.binding.upstream.model if self.binding else ""

    def answered(self, answer: UpstreamReply) -> Exchange:
        """The record of a call that the model answered to its end."""
        self.reply = answer
        said = self.dialect.reply_text(answer.body)
        written = self.dialect.wire.said(answer.body)
        quotes = self.binding is not None and quotes_candidate(written, self.binding)
        notes = (*answer.notes, QUOTED) if quotes else answer.notes
        return exchanges.answered(self.messages, answer, said, notes, self.started_s)


class CallRunner:
    """Makes the calls of one replica."""

    def __init__(self, resolver: TrialResolver, answers: Answers, limits: GatewayLimits) -> None:
        self._limits = limits
        self._in_hand = 0
        self._resolver = resolver
        self._answers = answers
        self._given_up = GivenUp()

    async def run(self, route: Route, call: Call, raw: bytes) -> Exchange:
        """Never raises: a call that was opened must be closed."""
        dialect = call.dialect
        self._in_hand += 1
        try:
            if self._in_hand > self._limits.max_calls:
                raise Overloaded(self._limits.max_calls)
            binding = await self._resolver.resolve(route.reference)
            if binding is None:
                raise UnknownTrial()
            call.binding = binding
            call.asked = parse_body(raw, self._limits.deepest_json)
            call.messages = dialect.read(call.asked)
            self._given_up.check(route, raw)
            body = substituted(dialect, call.asked, call.messages, binding)
            question = Question(binding, dialect.wire, body, call.trace_headers)
            if call.asked.get("stream"):
                return await self._streamed(call, question)
            return await self._whole(call, question)
        except Exception as error:  # noqa: BLE001 - an open call would hold its rollout up
            self._given_up.note(route, raw, error)
            refusal = replies.refusal_of(error)
            if refusal.code == "gateway_error":
                # A traceback may show a prompt.
                kind = type(error).__name__
                _log.error("call failed: trial=%s error=%s", route.shown, kind)
            await _refuse(call, refusal)
            return exchanges.failed(
                call.messages, refusal, model=call.model, started_s=call.started_s
            )
        finally:
            self._in_hand -= 1

    async def _whole(self, call: Call, question: Question) -> Exchange:
        with _upstream_timed(call.outlet):
            answer = await self._answers.whole(question)
        call.outlet.headers = told_of(answer)
        body = named(answer.body, question.binding.upstream.named)
        reply = replies.success(call.dialect.shown_body(body, call.asked))
        call.outlet.answer(reply)
        return call.answered(answer)

    async def _streamed(self, call: Call, question: Question) -> Exchange:
        with _upstream_timed(call.outlet):
            stream = await self._answers.stream(question)
        call.outlet.headers = told_of(stream.reply)
        try:
            await self._relay(call, stream, question.binding.upstream.named)
            call.outlet.end()
        except UpstreamError as error:
            refusal = replies.refusal_of(error)
            await _refuse(call, refusal)
            call.reply = partial = stream.reply
            return exchanges.failed(
                call.messages,
                refusal,
                model=call.model,
                started_s=call.started_s,
                partial=partial,
                said=call.dialect.reply_text(partial.body),
            )
        finally:
            await stream.aclose()
        return call.answered(stream.reply)

    async def _relay(self, call: Call, stream: AnswerStream, name: str | None) -> None:
        """Every event to the caller, and to nobody once the caller has gone."""
        outlet = call.outlet
        outlet.on_gone = lambda: stream.leave_within(self._limits.drain_s)
        if outlet.gone:
            outlet.on_gone()
        outlet.begin()
        async with contextlib.aclosing(stream.events()) as events:
            async for event in events:
                shown = call.dialect.shown_event(named_event(event, name), call.asked)
                if shown is not None:
                    await outlet.write(shown)


@contextlib.contextmanager
def _upstream_timed(outlet: Outlet) -> Iterator[None]:
    """What the outlet is told to be the provider's time, retries and waiting in line included."""
    began_s = time.monotonic()
    try:
        yield
    finally:
        outlet.upstream_s = time.monotonic() - began_s


async def _refuse(call: Call, refusal: replies.Refusal) -> None:
    if not call.outlet.streams:
        call.outlet.answer(refusal.reply)
        return
    await call.outlet.write(call.dialect.error_event(refusal.error))
    call.outlet.end()


def told_of(answer: UpstreamReply) -> replies.Headers:
    """What the caller is told of where its answer comes from, when that is no matter of course."""
    told: list[tuple[bytes, bytes]] = []
    if answer.cached:
        told.append((b"x-ray-promptopt-cache", b"hit"))
    if answer.fallback_from is not None:
        told.append((b"x-ray-promptopt-fallback-from", answer.fallback_from.encode()))
    return tuple(told)


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


def parse_body(raw: bytes, deepest: int) -> dict[str, Any]:
    """The JSON object of a request. Raises BadRequest."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    if raw.count(b"[") + raw.count(b"{") > deepest and _deeper_than(body, deepest):
        raise BadRequest(f"the body is nested more than {deepest} deep")
    return body


def _deeper_than(value: Any, deepest: int) -> bool:
    level = [value]
    for _ in range(deepest):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)
