"""A log of what a task app was sent: one JSON line per request, credentials left out."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class RequestLog:
    """ASGI middleware. Every line is flushed, so that a killed app leaves whole lines."""

    def __init__(self, app: Callable[..., Awaitable[None]], path: Path) -> None:
        self._app = app
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on and log it when its body is complete."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []

        async def receive_and_keep() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                chunks.append(message.get("body", b""))
            return message

        await self._app(scope, receive_and_keep, send)
        line = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "body": b"".join(chunks).decode("utf-8", "replace"),
        }
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
