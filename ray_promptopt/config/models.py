"""Which models can be named, for which role, and what the provider's API calls them.

The list is data (`models.toml`); a model that its provider retires is a warning, not an error.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Role = Literal["policy", "reflection"]

FREE_NAMES = "openai_compatible"
"""The provider whose model names are free; it needs a base_url."""
EMBEDDED = "embedded"
PROVIDERS = ("openai", "groq", "google", EMBEDDED, FREE_NAMES)
WRITER = "embedded/writer"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """An entry of the list. `retired` is a day or `already`; empty texts are unknown or any."""

    api: str
    retired: str = ""
    successor: str = ""
    role: str = ""

    def serves(self, role: Role) -> bool:
        """Whether the model may take this role."""
        return self.role in ("", role)


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that may be used, by the name its API knows, with what to warn about."""

    provider: str
    model: str
    warning: str = ""


class ModelRefused(ValueError):
    """The model cannot be used in this role; the text says what can."""


@cache
def known_models() -> dict[str, dict[str, KnownModel]]:
    """Provider to supported name to its entry."""
    return {
        provider: {
            name: KnownModel(
                api=entry.get("api", name),
                retired=entry.get("retired", ""),
                successor=entry.get("successor", ""),
                role=entry.get("role", ""),
            )
            for name, entry in models.items()
        }
        for provider, models in _document().items()
        if provider in PROVIDERS
    }


def resolve_model(provider: str, model: str, role: Role) -> ResolvedModel:
    """Normalise provider and model and look them up. Raises ModelRefused."""
    provider = provider.strip().lower()
    if provider not in PROVIDERS:
        raise ModelRefused(f"unsupported provider {provider!r}; use {', '.join(PROVIDERS)}")
    if not model.strip():
        raise ModelRefused("name a model")
    name = model.strip().lower()
    if bare_name(name) == "gpt-5-pro":
        raise ModelRefused("gpt-5-pro is too expensive for prompt learning; use gpt-5")
    if provider == FREE_NAMES:
        return ResolvedModel(provider, model.strip())
    if role == "reflection" and is_nano(name):
        raise ModelRefused(
            f"nano models are too small to write prompts; use {_allowed(provider, role)}"
        )
    entry = _find(provider, name)
    if entry is None:
        raise ModelRefused(_unsupported(provider, name, role))
    if not entry.serves(role):
        raise ModelRefused(f"{name} cannot be used here; use {_allowed(provider, role)}")
    return ResolvedModel(provider, entry.api, _warning(name, entry))


def is_nano(name: str) -> bool:
    """Whether the name is that of a nano model."""
    return name.strip().lower().endswith("-nano")


def _find(provider: str, name: str) -> KnownModel | None:
    models = known_models()[provider]
    if provider == EMBEDDED:
        return models.get(f"{EMBEDDED}/{bare_name(name)}")
    if provider == "groq":
        return models.get(bare_name(name)) or _by_groq_pattern(name)
    return models.get(bare_name(name))


def _by_groq_pattern(name: str) -> KnownModel | None:
    for pattern, entry in _document()["groq_patterns"].items():
        if re.match(pattern, name):
            like = known_models()["groq"][entry["like"]]
            vendor, slash, _ = like.api.rpartition("/")
            return KnownModel(f"{vendor}{slash}{bare_name(name)}", like.retired, like.successor)
    return None


def _unsupported(provider: str, name: str, role: Role) -> str:
    owners = [other for other in PROVIDERS if other != provider and _is_of(other, name)]
    if owners:
        return f"{name} is a model of provider {owners[0]}, not of {provider}"
    return (
        f"unsupported {provider} model {name}; use {_allowed(provider, role)}, "
        f'or provider = "{FREE_NAMES}" with a base_url'
    )


def _is_of(provider: str, name: str) -> bool:
    return provider in known_models() and _find(provider, name) is not None


def _allowed(provider: str, role: Role) -> str:
    names = known_models()[provider].items()
    return ", ".join(
        name
        for name, entry in names
        if entry.serves(role) and not (role == "reflection" and is_nano(name))
    )


def _warning(name: str, entry: KnownModel) -> str:
    if not entry.retired:
        return ""
    when = "" if entry.retired == "already" else f" on {entry.retired}"
    return f"{name} is retired by its provider{when}; plan for {entry.successor}"


def bare_name(name: str) -> str:
    """In lower case, without its provider's prefix."""
    return name.strip().lower().split("/", 1)[-1]


@cache
def _document() -> dict[str, dict[str, dict[str, str]]]:
    text = files("ray_promptopt.config").joinpath("models.toml").read_text("utf-8")
    return tomllib.loads(text)
