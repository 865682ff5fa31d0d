"""A model server in a thread of its own that counts what it answers, and now and then fails."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tests.fakes.providers import completed

_BODY = json.dumps(completed("card_arrival").body).encode()


class FaultyServer:
    """Of every twelve calls one is refused, one reset, one answered by half: in turn.

    `answered` counts the whole answers, each of which the provider would bill.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.answered = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        self.calls += 1
        match self.calls % 12:
            case 3:
                await _send(send, 429, b'{"error": {"code": "rate_limit_exceeded"}}')
            case 6:
                raise ConnectionResetError("before the first byte")
            case 9:
                await _send(send, 200, _BODY, cut_at=len(_BODY) // 2)
                raise ConnectionResetError("in the middle of the answer")
            case _:
                self.answered += 1
                await _send(send, 200, _BODY)


async def _send(send: Any, status: int, body: bytes, *, cut_at: int | None = None) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after-ms", b"10"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    message = {"type": "http.response.body", "body": body[:cut_at], "more_body": cut_at is not None}
    await send(message)


@contextmanager
def in_thread(app: Any) -> Iterator[str]:
    """The base URL of the app, until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
