import pytest

from ray_promptopt.core.usage import Usage
from ray_promptopt.llm.models import PriceOverride
from ray_promptopt.llm.prices import Prices

MILLION = 1_000_000

REQUIRED = [
    ("openai", "gpt-4o", 2.50, 1.25, 10),
    ("openai", "gpt-4o-mini", 0.15, 0.075, 0.60),
    ("openai", "gpt-4.1", 2, 0.50, 8),
    ("openai", "gpt-4.1-mini", 0.40, 0.10, 1.60),
    ("openai", "gpt-4.1-nano", 0.10, 0.025, 0.40),
    ("openai", "gpt-5", 1.25, 0.125, 10),
    ("openai", "gpt-5-mini", 0.25, 0.025, 2),
    ("openai", "gpt-5-nano", 0.05, 0.005, 0.40),
    ("groq", "openai/gpt-oss-20b", 0.075, 0.0375, 0.30),
    ("groq", "openai/gpt-oss-120b", 0.15, 0.075, 0.60),
    ("groq", "llama-3.3-70b-versatile", 0.59, None, 0.79),
    ("groq", "qwen/qwen3-32b", 0.29, None, 0.59),
    ("google", "gemini-2.5-pro", 1.25, 0.125, 10),
    ("google", "models/gemini-2.5-flash", 0.30, 0.03, 2.50),
    ("google", "gemini-2.5-flash-lite", 0.10, 0.01, 0.40),
]


@pytest.mark.parametrize(("provider", "model", "fresh", "cached", "output"), REQUIRED)
def test_the_models_that_can_be_named_have_their_providers_prices(
    provider: str, model: str, fresh: float, cached: float | None, output: float
) -> None:
    def usd(prompt_tokens: int = 0, completion_tokens: int = 0, cached_tokens: int = 0) -> float:
        usage = Usage(prompt_tokens, completion_tokens, cached_tokens)
        cost = Prices().cost_usd(provider, model, usage)
        assert cost is not None
        return cost * 10

    assert usd(prompt_tokens=MILLION // 10) == pytest.approx(fresh)
    assert usd(completion_tokens=MILLION // 10) == pytest.approx(output)
    if cached is not None:
        tenth = MILLION // 10
        assert usd(prompt_tokens=tenth, cached_tokens=tenth) == pytest.approx(cached)


def test_a_long_prompt_of_gemini_pro_costs_more_as_a_whole() -> None:
    usage = Usage(prompt_tokens=400_000, completion_tokens=100_000)
    assert Prices().cost_usd("google", "gemini-2.5-pro", usage) == pytest.approx(1.0 + 1.5)


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-99"), ("openai_compatible", "gpt-4o-mini")]
)
def test_a_price_that_nobody_knows_is_none_and_counted(provider: str, model: str) -> None:
    spend = Prices().spend(provider, model, Usage(10, 10))
    assert (spend.cost_usd, spend.calls, spend.unpriced_calls) == (0.0, 1, 1)


def test_a_price_of_the_config_outranks_the_list() -> None:
    prices = Prices({"gpt-4o": PriceOverride(1.0, 2.0), "local": PriceOverride(4.0, 8.0, 1.0)})
    usage = Usage(prompt_tokens=MILLION, completion_tokens=MILLION, cached_tokens=MILLION // 2)
    assert prices.cost_usd("openai", "gpt-4o", usage) == pytest.approx(3.0)
    assert prices.cost_usd("openai_compatible", "local", usage) == pytest.approx(2 + 0.5 + 8)
