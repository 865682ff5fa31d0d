"""The httpx transport for many calls to one host at once."""

import httpx
from httpx_aiohttp import AiohttpTransport

from ray_promptopt.core.connections import IDLE_CONNECTION_S

_NO_LIMIT = 0
"""To aiohttp. httpx's None would leave aiohttp its own limit of 100."""


def unlimited_transport() -> AiohttpTransport:
    """Without a limit on connections; httpx's own transport collapses at tens of them."""
    limits = httpx.Limits(max_connections=_NO_LIMIT, keepalive_expiry=IDLE_CONNECTION_S)
    return AiohttpTransport(limits=limits)
