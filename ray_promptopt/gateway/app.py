"""The gateway as a raw ASGI app: one per replica, nothing shared but through the state port."""

import asyncio
import contextlib
import os
import time
import uuid
from functools import partial

from ray_promptopt.gateway.answers import Answers
from ray_promptopt.gateway.call_log import CallObserver, facts_of, report_call
from ray_promptopt.gateway.calls import Call, CallRunner
from ray_promptopt.gateway.dialects import DIALECTS
from ray_promptopt.gateway.limits import GatewayLimits
from ray_promptopt.gateway.load import LineLoad, ReplicaLoad
from ray_promptopt.gateway.models import models_reply
from ray_promptopt.gateway.outlet import Message, Outlet, Receive, Send
from ray_promptopt.gateway.paths import Route, parse_route
from ray_promptopt.gateway.ports import StatePort
from ray_promptopt.gateway.recorder import TraceRecorder
from ray_promptopt.gateway.replies import BadRequest, NotServed, UnknownTrial, refusal_of, success
from ray_promptopt.gateway.resolver import TrialResolver
from ray_promptopt.gateway.response_cache import ResponseCache
from ray_promptopt.gateway.traces import CallClosed, CallOpened
from ray_promptopt.llm.spans import CallSpan, call_spans
from ray_promptopt.llm.upstream import Upstream

_LONGEST_FAREWELL_S = 3.0
"""How long the last spans may take on their way to a collector that may be gone."""


class GatewayApp:
    """Serves the APIs of `DIALECTS` and `models` for every known trial, and `GET /healthz`."""

    def __init__(
        self,
        state: StatePort,
        *,
        upstream: Upstream | None = None,
        limits: GatewayLimits | None = None,
        observe: CallObserver | None = None,
    ) -> None:
        self._limits = limits or GatewayLimits()
        self._observe = observe
        self._recorder = TraceRecorder(state)
        self._upstream = upstream or Upstream(os.environ)
        self._resolver = TrialResolver(state)
        answers = Answers(self._upstream, ResponseCache())
        self._runner = CallRunner(self._resolver, answers, self._limits)
        self._spans = call_spans(os.environ)
        self._calls: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Finish the calls in hand, send what is still to be recorded, close the connections."""
        if self._calls:
            await asyncio.wait(self._calls)
        await self._recorder.drain()
        await self._upstream.aclose()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(self._spans.close), _LONGEST_FAREWELL_S)

    @property
    def load(self) -> ReplicaLoad:
        """How busy it is."""
        return ReplicaLoad(
            len(self._calls),
            self._recorder.num_waiting,
            tuple(
                LineLoad(line.name, int(line.pace.limit), line.pace.in_flight, line.num_waiting)
                for line in self._upstream.lines
            ),
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        outlet = Outlet(longest_stall_s=self._limits.stall_s)
        try:
            await self._begin(scope, receive, outlet)
        except Exception as error:  # noqa: BLE001 - a server's own error page is no JSON
            outlet.answer(refusal_of(error).reply)
        await outlet.send_to(send, receive)

    async def _begin(self, scope: Message, receive: Receive, outlet: Outlet) -> None:
        """Answer at once what is no model call; begin a task for what is."""
        path, method = scope["path"], scope["method"]
        if path == "/healthz" and method == "GET":
            outlet.answer(success({"status": "ok"}))
            return
        route = parse_route(path, scope["query_string"].decode("latin-1"))
        if route is None:
            raise NotServed(path)
        allowed = "GET" if route.api == "models" else "POST"
        if method != allowed:
            raise NotServed(path, allowed)
        if route.api == "models":
            await self._list_models(route, outlet)
            return
        raw = await _read_body(receive, self._limits.largest_body_bytes)
        outlet.arrived_s = time.monotonic()
        # A caller that hangs up does not end the call: what it costs must be known.
        span = self._spans.begin(scope.get("headers", ()))
        call = asyncio.create_task(self._recorded(route, raw, outlet, span))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _list_models(self, route: Route, outlet: Outlet) -> None:
        binding = await self._resolver.resolve(route.reference)
        if binding is None:
            raise UnknownTrial()
        outlet.answer(models_reply(binding, route.model))

    async def _recorded(self, route: Route, raw: bytes, outlet: Outlet, span: CallSpan) -> None:
        """However the call ends, it is opened and closed in the state's record, once."""
        call_id = uuid.uuid4().hex
        if route.correlation_id is not None:
            opened = CallOpened(route.correlation_id, call_id)
            outlet.after = partial(self._recorder.arrived, opened, self._recorder.record(opened))
        call = Call(DIALECTS[route.api], outlet, span.headers)
        exchange = await self._runner.run(route, call, raw)
        if route.correlation_id is not None:
            self._recorder.record(CallClosed(route.correlation_id, call_id, exchange))
        await outlet.answered()
        report = report_call(route, call, exchange)
        span.end(facts_of(route, call, exchange))
        if self._observe is not None:
            self._observe(report)


async def _read_body(receive: Receive, largest_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("the caller went away", status_code=499)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > largest_bytes:
            raise BadRequest(f"the body is larger than {largest_bytes} bytes", status_code=413)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)
