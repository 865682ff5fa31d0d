"""The embedded models, where a config names them: one server per settings, shared by all runs."""

import hashlib
from functools import partial

from ray_promptopt.cluster import names
from ray_promptopt.cluster.http_service import share_service
from ray_promptopt.config.schema import RunConfig
from ray_promptopt.llm.embedded import (
    EMBEDDED_MODELS,
    EmbeddedSettings,
    Faults,
    Latency,
    create_embedded_app,
)

_WRITER = "embedded/writer"


def start_embedded_models(config: RunConfig) -> str | None:
    """The server's base URL (with `/v1`); None when no model of the config is embedded."""
    models = (config.policy, *config.policy_fallbacks, config.reflection)
    if all(model.provider != "embedded" or model.base_url for model in models):
        return None
    settings = embedded_settings(config)
    name = names.EMBEDDED_MODELS
    if settings != EmbeddedSettings():
        name += f":{hashlib.sha256(repr(settings).encode()).hexdigest()[:8]}"
    return f"{share_service(name, partial(create_embedded_app, settings))}/v1"


def embedded_settings(config: RunConfig) -> EmbeddedSettings:
    """The config's latency and faults, for each model."""
    options = config.embedded
    medians = {
        model: options.reflection_latency_s if model == _WRITER else options.policy_latency_s
        for model in EMBEDDED_MODELS
    }
    return EmbeddedSettings(
        latency={
            model: Latency(median_s, options.latency_sigma)
            for model, median_s in medians.items()
            if median_s > 0
        },
        faults=Faults(
            seed=options.seed,
            error_rate=options.error_rate,
            rate_limit_rate=options.rate_limit_rate,
        ),
    )
