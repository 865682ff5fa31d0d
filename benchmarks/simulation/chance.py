"""Chance as a function of a name: the same event has the same luck whenever it happens."""

import hashlib
from statistics import NormalDist

_STANDARD_NORMAL = NormalDist()
_BYTES = 6
_RANGE = float(256**_BYTES)


def chance(*name: object) -> float:
    """A number in the open interval 0..1 that belongs to this name alone."""
    digest = hashlib.blake2b(repr(name).encode(), digest_size=_BYTES).digest()
    return (int.from_bytes(digest, "big") + 0.5) / _RANGE


def standard_normal(*name: object) -> float:
    """A draw from the standard normal distribution that belongs to this name alone."""
    return _STANDARD_NORMAL.inv_cdf(chance(*name))
