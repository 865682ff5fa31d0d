"""The APIs that callers speak to the gateway, one file each, and the table that finds them."""

from ray_promptopt.gateway.dialects.base import Dialect
from ray_promptopt.gateway.dialects.chat import ChatDialect

DIALECTS: dict[str, Dialect] = {dialect.wire.path: dialect for dialect in (ChatDialect(),)}
"""By the end of the path that they are called at."""

__all__ = ["DIALECTS", "ChatDialect", "Dialect"]
