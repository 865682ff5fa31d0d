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
_CORRELATION = re.compile(r"trace_[0-9a-f]{32}(?:[0-9a-f]{36})?")


class Route(NamedTuple):
    """`reference` is a trial id or a run id; `api` is what the path ends in.

    The correlation id is None when there is none; `model` is that of `models/{model}`.
    """

    api: str
    reference: str
    correlation_id: CorrelationId | None
    model: str | None = None

    @property
    def is_trial(self) -> bool:
        """Whether it is a rollout's call, and not one of an application that a run's best prompt
        serves."""
        return self.reference.startswith("trial-")

    @property
    def shown(self) -> str:
        """Enough of the reference to recognise it in a log, too little to use it."""
        return f"{self.reference[:-24]}…"


def parse_route(path: str, query: str) -> Route | None:
    """The route of a model call or of the list of models; None for any other path.

    A query that swallowed the path (`?cid=x/v1/chat/completions`) is cut at the first slash. A URL
    that names two trials or two rollouts is of neither.
    """
    values = parse_qs(query).get("cid", [""])
    swallowed = values[0].partition("/")[2]
    references = {found[0]: found.end() for found in _REFERENCE.finditer(path)}
    correlations = set(_CORRELATION.findall(f"{path} {' '.join(values)}"))
    if len(references) != 1 or len(correlations) > 1:
        return None
    ((reference, end),) = references.items()
    api = _API.search(path, end) or _API.search(swallowed)
    if api is None:
        return None
    cid = CorrelationId(correlations.pop()) if correlations else None
    return Route(api[1] or api[2], reference[1:], cid, api[3])
