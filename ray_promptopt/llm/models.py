"""A model behind an API: who serves it, under which name, and where its key comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpstreamModel:
    """`base_url` ends before `/chat/completions`; None takes the provider's own. No key in it.

    `named`: what callers know it as; None: as what it is.
    """

    provider: str
    model: str
    base_url: str | None = None
    temperature: float | None = None
    max_completion_tokens: int | None = None
    named: str | None = None


@dataclass(frozen=True, slots=True)
class PriceOverride:
    """USD per million tokens, from the config; it outranks every price list."""

    input: float
    output: float
    cached_input: float | None = None
