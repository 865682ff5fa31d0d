"""What a run could not keep account of is refused before it starts."""

from collections.abc import Iterable, Mapping

from ray_promptopt.config.gather import Problems
from ray_promptopt.config.models import FREE_NAMES
from ray_promptopt.config.schema import GatewayConfig, Limits, ModelRef
from ray_promptopt.config.schema_gepa import GepaConfig


def check_cache(gateway: object, gepa: GepaConfig | None, problems: Problems) -> None:
    """A cached answer has neither a cost nor a latency of its own."""
    if not isinstance(gateway, GatewayConfig) or not gateway.response_cache:
        return
    problems.warnings.append(
        "gateway.response_cache: a repeated request is no fresh sample of the model; "
        "each cached answer is noted in its trace"
    )
    unknown = {"cost", "latency"} & set(gepa.objectives if gepa is not None else ())
    if unknown:
        remedy = f"cached answers have no {' or '.join(sorted(unknown))}: remove one of the two"
        problems.add("gateway.response_cache", True, f"{remedy} (see gepa.objectives)")


def check_prices(
    limits: Limits | None, models: Iterable[ModelRef | None], prices: object, problems: Problems
) -> None:
    """A limit in USD is never reached by calls whose price nobody knows."""
    if limits is None or (limits.max_cost_usd is None and not limits.max_category_costs_usd):
        return
    priced = prices if isinstance(prices, Mapping) else {}
    unpriced = {
        model.model: None
        for model in models
        if model is not None and model.provider == FREE_NAMES and model.model not in priced
    }
    for name in unpriced:
        problems.add(
            f'prices."{name}"',
            None,
            f"the limit in USD counts no call of {FREE_NAMES}/{name}, whose price is not known: "
            "give input and output in USD per million tokens (0 if it costs nothing)",
        )
