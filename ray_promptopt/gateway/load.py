"""How busy a replica is at the moment."""

from typing import NamedTuple


class LineLoad(NamedTuple):
    """The calls of one model: those that may be made at once, are made, and wait."""

    model: str
    limit: int
    in_flight: int
    waiting: int


class ReplicaLoad(NamedTuple):
    """`unrecorded` events are on their way to the gateway's state."""

    calls_in_hand: int
    unrecorded: int
    lines: tuple[LineLoad, ...]
