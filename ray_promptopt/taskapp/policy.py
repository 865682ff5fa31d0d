"""For authors of task apps: calling the model at the inference URL of a rollout request."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from ray_promptopt.core.errors import UpstreamError


def chat_completions_url(inference_url: str) -> str:
    """The URL to post to. Keeps the query, adds no second `/v1`.

    `http://g/v1/trial-x?cid=t` → `http://g/v1/trial-x/chat/completions?cid=t`.
    """
    parts = urlsplit(inference_url)
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path = f"{path}/chat/completions" if path else "/v1/chat/completions"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


async def call_policy(
    client: httpx.AsyncClient,
    policy_config: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    **fields: Any,
) -> dict[str, Any]:
    """One chat completion with the request's model and sampling settings; the decoded answer.

    Raises UpstreamError with the gateway's status: let it fail the rollout, never score it.
    """
    body: dict[str, Any] = {
        "model": policy_config["model"],
        "messages": [*messages],
        "temperature": policy_config.get("temperature", 0.0),
        "max_tokens": policy_config.get("max_completion_tokens", 512),
        **fields,
    }
    url = chat_completions_url(str(policy_config["inference_url"]))
    try:
        response = await client.post(url, json=body)
        answer = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise UpstreamError(
            f"the model at the inference URL cannot be reached ({type(error).__name__})",
            status_code=502,
        ) from error
    if response.status_code != 200 or not isinstance(answer, dict) or not answer.get("choices"):
        raise UpstreamError(
            f"the model call was answered with status {response.status_code}",
            status_code=response.status_code if response.status_code >= 400 else 502,
        )
    return answer
