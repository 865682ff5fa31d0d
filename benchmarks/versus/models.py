"""How a contestant's calls reach the embedded models: over HTTP, or in this process.

Both answer alike, after latencies drawn alike; in this process time can be simulated.
"""

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp

from ray_promptopt.core.connections import IDLE_CONNECTION_S
from ray_promptopt.llm.embedded import EmbeddedSettings, complete
from ray_promptopt.llm.embedded.faults import draw_fate


class Models(Protocol):
    """Chat completions."""

    async def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to a body."""
        ...

    async def aclose(self) -> None:
        """No more calls will come."""
        ...


class HttpModels:
    """A server of embedded models."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/v1/chat/completions"
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_CONNECTION_S)
        self._session = aiohttp.ClientSession(connector=connector)

    async def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """See `Models`."""
        async with self._session.post(self._url, json=body) as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
            return answer

    async def aclose(self) -> None:
        """See `Models`."""
        await self._session.close()


class InProcessModels:
    """The same functions without a server; its n-th call takes as long as the server's n-th."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._numbers = itertools.count()

    async def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """See `Models`."""
        fate = draw_fate(self._settings, body["model"], next(self._numbers))
        await asyncio.sleep(fate.delay_s)
        return complete(body)

    async def aclose(self) -> None:
        """See `Models`."""
