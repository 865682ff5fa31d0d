"""HTTP as the task app's client needs it, and nothing between it and aiohttp: each rollout pays."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import aiohttp

from ray_promptopt.core.connections import IDLE_CONNECTION_S

_CONNECT_TIMEOUT_S = 10.0


class HttpReply(NamedTuple):
    """A whole response; `location` is where a redirection leads."""

    status_code: int
    raw: bytes
    location: str

    @property
    def text(self) -> str:
        """For people."""
        return self.raw.decode(errors="replace").strip()


class Http(Protocol):
    """One request and its reply. Raises aiohttp.ClientError or OSError when there is none."""

    async def ask(
        self, method: str, url: str, *, params: list[tuple[str, str]], body: Any = None
    ) -> HttpReply: ...

    async def aclose(self) -> None: ...


class AiohttpHttp:
    """Without a limit on connections; follows no redirection."""

    def __init__(self, headers: Mapping[str, str], timeout_s: float) -> None:
        self._headers = headers
        self._timeout = aiohttp.ClientTimeout(timeout_s, sock_connect=_CONNECT_TIMEOUT_S)
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, method: str, url: str, *, params: list[tuple[str, str]], body: Any = None
    ) -> HttpReply:
        """See `Http`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        async with self._session.request(
            method, url, params=params, json=body, allow_redirects=False
        ) as response:
            location = response.headers.get("location", "nowhere")
            return HttpReply(response.status, await response.read(), location)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
