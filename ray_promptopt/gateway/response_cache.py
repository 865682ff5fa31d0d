"""Answers that a run was given before, by the exact request that was sent upstream for them.

The key holds the run, the provider's address and the final body, candidate's prompt and model
included: so no trial is answered for another's prompt. Only whole answers of the model are kept.
"""

import hashlib
import json
from collections import OrderedDict

from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.llm.call import Call

_MOST_BYTES = 64 * 1024 * 1024


class ResponseCache:
    """Of one replica, in memory; the answers that were not asked for the longest are pushed out."""

    def __init__(self, *, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._num_bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        """What was put under the key last; None when it was not, or was pushed out."""
        answer = self._kept.get(key)
        if answer is not None:
            self._kept.move_to_end(key)
        return answer

    def put(self, key: str, answer: bytes) -> None:
        """Keep an answer, if it is not larger than all that may be kept."""
        if len(answer) > self._most_bytes:
            return
        self._num_bytes += len(answer) - len(self._kept.pop(key, b""))
        self._kept[key] = answer
        while self._num_bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._num_bytes -= len(oldest)


def cache_key(binding: TrialBinding, call: Call) -> str | None:
    """None when the trial does not want a cache, or the request is one for a fresh sample."""
    if not binding.response_cache or not _is_repeatable(call):
        return None
    # Sorted no deeper: the order of a schema's properties may change what a model answers.
    body = sorted(call.body.items())
    asked = json.dumps([binding.run_id, call.provider.name, call.url, body])
    return hashlib.sha256(asked.encode()).hexdigest()


def _is_repeatable(call: Call) -> bool:
    """Whether the body that is sent asks for the same answer each time."""
    temperature, seed = call.body.get("temperature"), call.body.get("seed")
    numbers = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    return (numbers and temperature == 0) or (isinstance(seed, int) and not isinstance(seed, bool))
