"""The model server of the gateway's benchmarks, an ASGI app.

`/20/v1/chat/completions` answers after 20 ms, whole or streamed as it is asked. Of every so many
calls one is refused with 429 and one breaks off, if it is told so; `GET /count` tells of all.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

PROMPT_TOKENS, COMPLETION_TOKENS = 30, 20
NUM_FRAMES = 23
_NUM_WORDS = NUM_FRAMES - 3


def _completion(**fields: Any) -> bytes:
    usage = {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": COMPLETION_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
    }
    message = {"role": "assistant", "content": "It is on its way. " * 4}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}
    return json.dumps({**body, "usage": usage, **fields}).encode()


def _frame(**fields: Any) -> bytes:
    return b"data: " + _completion(object="chat.completion.chunk", **fields) + b"\n\n"


def _said(delta: dict[str, str], end: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return _frame(choices=[choice], usage=None)


_WHOLE = _completion()
_FRAMES = [
    *(_said({"content": "word "}) for _ in range(_NUM_WORDS)),
    _said({}, "stop"),
    _frame(choices=[]),
    b"data: [DONE]\n\n",
]
_JSON = (b"content-type", b"application/json")
_REFUSED = b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'


@dataclass
class BenchUpstream:
    """`refuse_one_in` and `break_one_in`: 0 for never."""

    refuse_one_in: int = 0
    break_one_in: int = 0
    count: Counter[str] = field(default_factory=Counter)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await _send_whole(send, 200, json.dumps(self.count).encode())
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        self.count["calls"] += 1
        if latency_ms := float(scope["path"].split("/")[1]):
            await asyncio.sleep(latency_ms / 1000)
        if self._is_the_turn_of(self.refuse_one_in):
            self.count["refused"] += 1
            await _send_whole(send, 429, _REFUSED, (b"retry-after-ms", b"20"))
        elif b'"stream":true' in body.replace(b" ", b""):
            await self._stream(send)
        else:
            self.count["whole"] += 1
            await _send_whole(send, 200, _WHOLE)

    async def _stream(self, send: Any) -> None:
        breaks = self._is_the_turn_of(self.break_one_in)
        self.count["broken" if breaks else "streams"] += 1
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for frame in _FRAMES[: _NUM_WORDS // 2] if breaks else _FRAMES:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        if breaks:
            raise ConnectionAbortedError("the connection goes down with the answer")
        await send({"type": "http.response.body", "body": b""})

    def _is_the_turn_of(self, one_in: int) -> bool:
        return bool(one_in) and self.count["calls"] % one_in == 0


async def _send_whole(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
