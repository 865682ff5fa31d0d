"""The `usage` object of the embedded models' replies, by estimate."""

from collections.abc import Sequence

from ray_promptopt.core.tokens import estimate_tokens
from ray_promptopt.llm.embedded.requests import ChatRequest

_TOKENS_PER_MESSAGE = 4


def usage_of(request: ChatRequest, replies: Sequence[str]) -> dict[str, int]:
    """The `usage` object of a reply."""
    prompt = sum(estimate_tokens(t.content) + _TOKENS_PER_MESSAGE for t in request.turns)
    for tool in request.tools:
        prompt += estimate_tokens(tool.name)
        for field in tool.fields:
            prompt += estimate_tokens(field.name) + sum(map(estimate_tokens, field.choices))
    completion = max(1, sum(estimate_tokens(reply) for reply in replies))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
