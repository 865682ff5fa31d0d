"""The least that a proxy can be: uvicorn in front, aiohttp behind, pieces passed on as
they come."""

from typing import Any

import aiohttp


class Passthrough:
    """An ASGI app in front of one server."""

    def __init__(self, upstream_url: str) -> None:
        self._upstream_url = upstream_url
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        headers = {"Content-Type": "application/json"}
        url = f"{self._upstream_url}{scope['path']}"
        async with self._session.post(url, data=body, headers=headers) as answer:
            kept = ("Content-Type", "Content-Length")
            told = [
                (n.lower().encode(), answer.headers[n].encode())
                for n in kept
                if n in answer.headers
            ]
            start = {"type": "http.response.start", "status": answer.status, "headers": told}
            await send(start)
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
