"""From a config's models to the ones that are called: the embedded models get their address."""

from ray_promptopt.config.schema import ModelRef, RunConfig
from ray_promptopt.core.ids import RunId, TrialId
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.llm.models import PriceOverride, UpstreamModel


def upstream_model(reference: ModelRef, embedded_url: str | None) -> UpstreamModel:
    """`embedded_url`: where this run's embedded models are served."""
    base_url = reference.base_url
    if reference.provider == "embedded" and base_url is None:
        base_url = embedded_url
    return UpstreamModel(
        provider=reference.provider,
        model=reference.model,
        base_url=base_url,
        temperature=reference.temperature,
        max_completion_tokens=reference.max_completion_tokens,
        named=reference.named.model if reference.named else None,
    )


def price_overrides(config: RunConfig) -> dict[str, PriceOverride]:
    """The config's prices, by model name."""
    return {
        name: PriceOverride(price.input, price.output, price.cached_input)
        for name, price in config.prices.items()
    }


def run_binding(config: RunConfig, run_id: RunId, embedded_url: str | None) -> TrialBinding:
    """What all bindings of a run have in common, under the run's own id."""
    return TrialBinding(
        TrialId(run_id),
        run_id,
        upstream_model(config.policy, embedded_url),
        prices=price_overrides(config),
        fallbacks=tuple(upstream_model(model, embedded_url) for model in config.policy_fallbacks),
        response_cache=config.gateway.response_cache,
    )
