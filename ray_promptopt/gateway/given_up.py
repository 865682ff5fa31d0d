"""What was given up under a correlation id: asked again there, it is refused without another try.

Some client libraries retry whatever `x-should-retry` says (DSPy three times by default), which
would multiply the gateway's own retries by theirs, for a rollout that is lost already.
"""

import hashlib
from collections import OrderedDict

from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.gateway.paths import Route
from ray_promptopt.gateway.replies import BUSY

_MOST_KEPT = 4096


class GivenUp:
    """Of one replica, the latest. Trials only: behind a run id is an application, not a rollout."""

    def __init__(self) -> None:
        self._errors: OrderedDict[tuple[str, bytes], UpstreamError] = OrderedDict()

    def check(self, route: Route, raw: bytes) -> None:
        """Raises the UpstreamError with which the very same call ended before."""
        if self._errors and (error := self._errors.get(_key(route, raw))) is not None:
            raise error.with_traceback(None)

    def note(self, route: Route, raw: bytes, error: Exception) -> None:
        """Remember how a call ended, unless its caller was asked to come again."""
        if route.correlation_id is None or not route.is_trial:
            return
        if isinstance(error, UpstreamError) and error.code not in BUSY:
            self._errors[_key(route, raw)] = error
            if len(self._errors) > _MOST_KEPT:
                self._errors.popitem(last=False)


def _key(route: Route, raw: bytes) -> tuple[str, bytes]:
    return f"{route.correlation_id}", hashlib.sha256(raw).digest()
