"""`GET …/models`: what a trial is served by, and nothing of where or with which key."""

from typing import Any

from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.gateway.replies import BadRequest, Reply, success


class UnknownModel(BadRequest):
    """The trial is served by another model."""

    code = "model_not_found"


def models_reply(binding: TrialBinding, model: str | None) -> Reply:
    """The list, or the one entry that is asked for. Raises UnknownModel."""
    entry: dict[str, Any] = {
        "id": binding.upstream.named or binding.upstream.model,
        "object": "model",
        "created": 0,
        "owned_by": binding.upstream.provider,
    }
    if model is None:
        return success({"object": "list", "data": [entry]})
    if model != entry["id"]:
        raise UnknownModel(
            f"this trial is served by {entry['id']}, whatever model a request names",
            "model",
            status_code=404,
        )
    return success(entry)
