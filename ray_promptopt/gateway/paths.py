"""Which trial and which rollout a request belongs to, from whatever URL an app has built.

Apps join the inference URL in several ways (a second `/v1`, the query in the middle); all that end
in `/chat/completions` are understood.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qs

from ray_promptopt.core.ids import CorrelationId

_TAIL = "/chat/completions"
_REFERENCE = re.compile(r"/(?:(trial-[0-9a-f]{32})|(pl_[0-9a-f]{32}))(?=[/?]|$)")
_CORRELATION = re.compile(r"trace_[0-9a-f]{32}")


class Route(NamedTuple):
    """`reference` is a trial id or a run id; the correlation id is None when there is none."""

    reference: str
    correlation_id: CorrelationId | None


def parse_route(path: str, query: str) -> Route | None:
    """The route of a chat completion; None for any other path.

    A query that swallowed the path (`?cid=x/v1/chat/completions`) is cut at the first slash.
    """
    values = parse_qs(query).get("cid", [""])
    swallowed = values[0].partition("/")[2]
    if not (path.rstrip("/").endswith(_TAIL) or f"/{swallowed}".endswith(_TAIL)):
        return None
    found = _REFERENCE.search(path)
    if found is None:
        return None
    correlation = _CORRELATION.search(values[0]) or _CORRELATION.search(path)
    return Route(found[0][1:], CorrelationId(correlation[0]) if correlation else None)
