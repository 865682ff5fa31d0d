"""What a model call used and what it cost; unknown prices stay unknown."""

from dataclasses import dataclass
from enum import StrEnum


class UsageSource(StrEnum):
    """Who counted the tokens."""

    PROVIDER = "provider"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or several calls. `cached_tokens` are part of `prompt_tokens`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    source: UsageSource = UsageSource.PROVIDER

    @property
    def total_tokens(self) -> int:
        """Prompt plus completion."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: "Usage") -> "Usage":
        estimated = UsageSource.ESTIMATED in (self.source, other.source)
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            source=UsageSource.ESTIMATED if estimated else UsageSource.PROVIDER,
        )


@dataclass(frozen=True, slots=True)
class Spend:
    """Usage and its price. `unpriced_calls` counts calls whose price nobody knows (never 0 USD);
    `cached_calls` those that a cache of ours answered: they used nothing and cost nothing;
    `fallback_calls` those that another model than the policy model answered."""

    usage: Usage = Usage()
    cost_usd: float = 0.0
    calls: int = 0
    unpriced_calls: int = 0
    cached_calls: int = 0
    fallback_calls: int = 0

    def __add__(self, other: "Spend") -> "Spend":
        return Spend(
            usage=self.usage + other.usage,
            cost_usd=self.cost_usd + other.cost_usd,
            calls=self.calls + other.calls,
            unpriced_calls=self.unpriced_calls + other.unpriced_calls,
            cached_calls=self.cached_calls + other.cached_calls,
            fallback_calls=self.fallback_calls + other.fallback_calls,
        )


NO_SPEND = Spend()
CACHED = Spend(calls=1, cached_calls=1)
"""What a call costs that a cache answered."""
