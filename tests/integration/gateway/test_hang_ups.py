"""A caller may go at any byte of its request or of its answer: the ledger equals the provider's
own count of calls, each with its bill, and nothing hangs."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from tests.fakes.interceptor import Interceptor, chat, intercepting
from tests.fakes.providers import Streamed, completed, streamed

_MOST_ANSWER_BYTES = 1_200
_REQUEST_PIECE_BYTES = 40


@dataclass
class Caller:
    """One HTTP connection as an ASGI server shows it, whose caller goes at a byte.

    `takes` are the bytes of the answer that it still reads; `sends` those of its request.
    """

    sends: int
    takes: int
    body: bytes
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0

    @property
    def goes_while_asking(self) -> bool:
        return self.sends < len(self.body)

    async def receive(self) -> dict[str, Any]:
        """The request piece by piece, then the caller's going."""
        until = min(self.sent + _REQUEST_PIECE_BYTES, self.sends)
        if self.sent < min(self.sends, len(self.body)):
            piece, self.sent = self.body[self.sent : until], until
            more = until < len(self.body)
            return {"type": "http.request", "body": piece, "more_body": more}
        if not self.goes_while_asking:
            await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Raises OSError, as servers do, once the caller has gone."""
        self.takes -= len(message.get("body", b"")) or 1
        if self.takes <= 0:
            self.gone.set()
            raise OSError("the caller has gone")
        await asyncio.sleep(0)


async def exchanges_after(gateway: Interceptor, caller: Caller) -> int:
    """Call, and hold the ledger against the provider's count; how many calls there were."""
    gateway.next_rollout()
    counted = len(gateway.provider.requests)
    scope = {
        "type": "http", "method": "POST", "headers": [],
        "path": f"/v1/{gateway.trial_id}/chat/completions",
        "query_string": f"cid={gateway.correlation_id}".encode(),
    }  # fmt: skip
    async with asyncio.timeout(10.0):
        await gateway.app(scope, caller.receive, caller.send)
        exchanges = await gateway.exchanges()
    assert len(exchanges) == len(gateway.provider.requests) - counted
    assert [exchange.failure for exchange in exchanges] == [None] * len(exchanges)
    assert [one.spend.usage.total_tokens for one in exchanges] == [110] * len(exchanges)
    return len(exchanges)


def test_a_caller_that_goes_at_any_byte_leaves_the_calls_that_the_provider_has_counted() -> None:
    pieces = streamed("It is ", "on its way")

    def answer(body: dict[str, Any]) -> Any:
        return Streamed(pieces) if body.get("stream") else JSONResponse(completed().body)

    opened = intercepting(answer)
    with asyncio.Runner() as runner:
        gateway = runner.run(opened.__aenter__())

        @settings(max_examples=100)
        @given(
            streams=st.booleans(),
            sends=st.integers(0, 400),
            takes=st.integers(0, _MOST_ANSWER_BYTES),
        )
        def go(streams: bool, sends: int, takes: int) -> None:
            body = json.dumps(chat(stream=streams)).encode()
            caller = Caller(sends, takes, body)
            num_calls = runner.run(exchanges_after(gateway, caller))
            assert num_calls == (0 if caller.goes_while_asking else 1)

        go()
        runner.run(opened.__aexit__(None, None, None))
