"""Dialects of the OpenAI chat API, one file each, and the table that finds them by name."""

from ray_promptopt.llm.providers.base import NOT_STORED, Prepared, Provider
from ray_promptopt.llm.providers.google import Google
from ray_promptopt.llm.providers.groq import Groq
from ray_promptopt.llm.providers.openai import Compatible, Embedded, OpenAI

PROVIDERS: dict[str, Provider] = {
    "openai": OpenAI(),
    "groq": Groq(),
    "google": Google(),
    "openai_compatible": Compatible(),
    "embedded": Embedded(),
}

__all__ = ["NOT_STORED", "PROVIDERS", "Prepared", "Provider"]
