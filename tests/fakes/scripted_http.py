"""`Http` without a socket: each request is answered by a function."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx

from ray_promptopt.taskapp.http import HttpReply


class ScriptedHttp:
    """Asks `handler` in httpx's words."""

    def __init__(self, handler: Callable[[httpx.Request], httpx.Response]) -> None:
        self._handler = handler

    async def ask(
        self, method: str, url: str, *, params: list[tuple[str, str]], body: Any = None
    ) -> HttpReply:
        """See `Http`."""
        query = f"?{urlencode(params)}" if params else ""
        response = self._handler(httpx.Request(method, url + query, json=body))
        location = response.headers.get("location", "nowhere")
        return HttpReply(response.status_code, response.content, location)

    async def aclose(self) -> None:
        """Nothing is open."""
