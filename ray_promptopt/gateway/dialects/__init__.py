"""The APIs that callers speak to the gateway, one file each, and the table that finds them."""

from ray_promptopt.gateway.dialects.base import Dialect
from ray_promptopt.gateway.dialects.chat import ChatDialect
from ray_promptopt.gateway.dialects.responses import ResponsesDialect

_ALL: tuple[Dialect, ...] = (ChatDialect(), ResponsesDialect())
DIALECTS = {dialect.wire.path: dialect for dialect in _ALL}
"""By the end of the path that they are called at."""

__all__ = ["DIALECTS", "ChatDialect", "Dialect", "ResponsesDialect"]
