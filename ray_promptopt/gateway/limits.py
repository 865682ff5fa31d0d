"""How much the gateway takes from a caller, and how long it waits for one."""

from typing import NamedTuple


class GatewayLimits(NamedTuple):
    """Of one replica. `max_calls` are those in hand at once; beyond it callers get a 429.

    A stream is read on for `drain_s` after its caller has gone, so that the bill is known; a
    caller may leave its connection unread for `stall_s`.
    """

    max_calls: int = 2000
    largest_body_bytes: int = 8 * 1024 * 1024
    deepest_json: int = 100
    drain_s: float = 30.0
    stall_s: float = 30.0
