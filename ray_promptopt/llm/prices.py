"""What calls cost, from the `genai-prices` list (MIT), by the model that the response names.

A price that nobody knows is None and counted as unpriced: it is never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from ray_promptopt.core.usage import Spend, Usage
from ray_promptopt.llm.models import PriceOverride

LIST_VERSION = f"genai-prices {version('genai-prices')}"
"""Recorded with every run, so that its costs can be explained later."""

SIMULATED: Mapping[str, PriceOverride] = {
    "embedded/reader": PriceOverride(input=0.10, output=0.40),
    "embedded/reader-nano": PriceOverride(input=0.05, output=0.20),
    "embedded/writer": PriceOverride(input=1.00, output=4.00),
}
"""The embedded models cost nothing; these figures exist so that accounting is exercised."""

_AMENDED: Mapping[str, PriceOverride] = {
    "openai/gpt-oss-20b": PriceOverride(input=0.075, output=0.30, cached_input=0.0375),
    "openai/gpt-oss-120b": PriceOverride(input=0.15, output=0.60, cached_input=0.075),
}
"""Groq halves the price of cached input for these; the list does not know it."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The list, with the user's overrides (by model name, as configured or as answered) on top."""

    overrides: Mapping[str, PriceOverride] = field(default_factory=dict)

    def cost_usd(self, provider: str, model: str, usage: Usage) -> float | None:
        """USD of one call; None when the model has no known price."""
        model = model.removeprefix("models/") if provider == "google" else model
        price = self.overrides.get(model) or SIMULATED.get(model)
        if price is None and provider == "groq":
            price = _AMENDED.get(model)
        if price is not None:
            return _by_price(price, usage)
        if provider == "openai_compatible":
            # The name says what is served, not what its server charges.
            return None
        try:
            priced = calc_price(
                PricedUsage(
                    input_tokens=usage.prompt_tokens,
                    cache_read_tokens=usage.cached_tokens,
                    output_tokens=usage.completion_tokens,
                ),
                model_ref=model,
                provider_id=provider,
            )
        except LookupError:
            return None
        return float(priced.total_price)

    def spend(self, provider: str, model: str, usage: Usage) -> Spend:
        """One call as spend."""
        cost = self.cost_usd(provider, model, usage)
        return Spend(
            usage=usage, cost_usd=cost or 0.0, calls=1, unpriced_calls=1 if cost is None else 0
        )


def _by_price(price: PriceOverride, usage: Usage) -> float:
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = usage.prompt_tokens - usage.cached_tokens
    millionths = (
        fresh * price.input
        + usage.cached_tokens * cached_price
        + usage.completion_tokens * price.output
    )
    return millionths / 1_000_000
