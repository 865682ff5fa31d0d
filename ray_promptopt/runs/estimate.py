"""What a MIPRO run may take, before anything is spent: rollouts, model calls, USD."""

from ray_promptopt.config.mipro_sizes import new_per_renewal
from ray_promptopt.config.schema import ModelRef, RunConfig
from ray_promptopt.core.usage import Usage
from ray_promptopt.llm.models import PriceOverride
from ray_promptopt.llm.prices import Prices
from ray_promptopt.runs.plans import num_held_out

ANSWER = Usage(1000, 100)
"""Tokens that one answer of the policy model is taken to need."""
TEXT = Usage(6000, 1000)
"""Tokens that one text of the meta model is taken to need."""


def estimate(config: RunConfig) -> list[str]:
    """In words, a fact a line; empty for another algorithm."""
    mipro = config.mipro
    if mipro is None:
        return []
    rollouts, held_out = config.limits.max_rollouts, num_held_out(config)
    batch = min(mipro.batch_size, len(config.splits.validation))
    num_stages = max(1, len(config.initial_prompt.pipeline_modules))
    trials = min(rollouts // batch, mipro.num_iterations * mipro.num_evaluations_per_iteration)
    between = mipro.meta_update.every_iterations * mipro.num_evaluations_per_iteration
    renewals = trials // between if mipro.meta_update.enabled else 0
    first = (mipro.max_instructions or mipro.grounding.n) - 1
    texts = 1 + num_stages * (first + renewals * new_per_renewal(between))
    answers = (rollouts + held_out) * num_stages
    size = f"auto = {mipro.auto}: " if mipro.auto else ""
    return [
        f"{size}at most {rollouts} rollouts in the search, {held_out} on test seeds",
        f"trials on {batch} of {len(config.splits.validation)} validation seeds each, at most "
        f"{trials} of them",
        f"at most {answers} calls of {config.policy.model} and about {texts} of "
        f"{config.reflection.model}",
        _cost(config, answers, texts),
    ]


def _cost(config: RunConfig, answers: int, texts: int) -> str:
    overrides = {
        name: PriceOverride(price.input, price.output, price.cached_input)
        for name, price in config.prices.items()
    }
    prices = Prices(overrides)

    def cost_usd(model: ModelRef, usage: Usage) -> float | None:
        return prices.cost_usd(model.provider, model.model, usage)

    answer, text = cost_usd(config.policy, ANSWER), cost_usd(config.reflection, TEXT)
    assumed = (
        f"{ANSWER.prompt_tokens:,} + {ANSWER.completion_tokens} tokens an answer, "
        f"{TEXT.prompt_tokens:,} + {TEXT.completion_tokens:,} a text"
    )
    if answer is None or text is None:
        unknown = config.policy.model if answer is None else config.reflection.model
        return f"cost unknown: nobody knows the price of {unknown}; give it under [prices]"
    limit = config.limits.max_cost_usd
    ends = f", ends at USD {limit:g}" if limit is not None else ""
    return f"about USD {answers * answer + texts * text:.2f} at {assumed}{ends}"
