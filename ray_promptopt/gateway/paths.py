"""Which trial and which rollout a request belongs to, from whatever URL an app has built.

Apps join the inference URL in several ways (a second `/v1`, the query in the middle); all that end
in `/chat/completions`, `/responses` or `/models` are understood.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qs

from ray_promptopt.core.ids import CorrelationId

_API = re.compile(r"(?:^|/)(?:(chat/completions|responses)|(models)(?:/(.+?))?)/?\Z")
_REFERENCE = re.compile(r"/(?:(trial-[0-9a-f]{32})|(pl_[0-9a-f]{32}))(?=[/?]|$)")
_CORRELATION = re.compile(r"trace_[0-9a-f]{32}")


class Route(NamedTuple):
    """`reference` is a trial id or a run id; `api` is what the path ends in.

    The correlation id is None when there is none; `model` is that of `models/{model}`.
    """

    api: str
    reference: str
    correlation_id: CorrelationId | None
    model: str | None = None

    @property
    def shown(self) -> str:
        """Enough of the reference to recognise it in a log, too little to use it."""
        return f"{self.reference[:-24]}…"


def parse_route(path: str, query: str) -> Route | None:
    """The route of a model call or of the list of models; None for any other path.

    A query that swallowed the path (`?cid=x/v1/chat/completions`) is cut at the first slash.
    """
    values = parse_qs(query).get("cid", [""])
    swallowed = values[0].partition("/")[2]
    found = _REFERENCE.search(path)
    if found is None:
        return None
    api = _API.search(path, found.end()) or _API.search(swallowed)
    if api is None:
        return None
    correlation = _CORRELATION.search(values[0]) or _CORRELATION.search(path)
    cid = CorrelationId(correlation[0]) if correlation else None
    return Route(api[1] or api[2], found[0][1:], cid, api[3])
