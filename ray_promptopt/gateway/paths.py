"""Which trial and which rollout a request belongs to, from whatever URL an app has built.

Apps join the inference URL in several ways (a second `/v1`, the query in the middle); all that end
in `/chat/completions` are understood.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qs

from ray_promptopt.core.ids import CorrelationId

_API = re.compile(r"(?:^|/)(chat/completions)/?\Z")
_REFERENCE = re.compile(r"/(?:(trial-[0-9a-f]{32})|(pl_[0-9a-f]{32}))(?=[/?]|$)")
_CORRELATION = re.compile(r"trace_[0-9a-f]{32}")


class Route(NamedTuple):
    """`reference` is a trial id or a run id; `api` is what the path ends in.

    The correlation id is None when there is none.
    """

    api: str
    reference: str
    correlation_id: CorrelationId | None


def parse_route(path: str, query: str) -> Route | None:
    """The route of a model call; None for any other path.

    A query that swallowed the path (`?cid=x/v1/chat/completions`) is cut at the first slash.
    """
    values = parse_qs(query).get("cid", [""])
    swallowed = values[0].partition("/")[2]
    api = _API.search(path) or _API.search(swallowed)
    found = _REFERENCE.search(path)
    if api is None or found is None:
        return None
    correlation = _CORRELATION.search(values[0]) or _CORRELATION.search(path)
    return Route(api[1], found[0][1:], CorrelationId(correlation[0]) if correlation else None)
