"""The schema of a system spec: the rules that a prompt must make its assistant follow.

A JSON or TOML file (`spec_path`, relative to the config file), or the same as a table `spec`:

    [metadata]
    id = "spec.bank"
    title = "Bank support"
    version = "1.0.0"

    [[rules]]
    id = "R-one-label"
    title = "Exactly one label"
    priority = 9                        # 1..10; spec_priority_threshold leaves lower ones out
    constraints.must = ["answer with one label of the list"]
    constraints.must_not = ["explain the answer"]
    examples = [{ kind = "good", prompt = "card gone", response = "lost_card" }]
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue, field_validator

from ray_promptopt.config.base import Section
from ray_promptopt.config.build import build
from ray_promptopt.config.gather import Gathered, Problems

Text = Annotated[str, Field(min_length=1)]
Texts = tuple[Text, ...]


class SpecMetadata(Section):
    """What the spec is."""

    id: Text
    """Identifier, by convention `spec.…`."""
    title: Text
    """Name for people."""
    version: Text
    """Version, by convention semantic."""
    description: str = ""
    """What the spec is about."""
    scope: str | None = None
    """Where it holds."""
    owner: str | None = None
    """Who answers for it."""
    created_at: str | None = None
    """When it was made."""
    updated_at: str | None = None
    """When it was changed last."""
    imports: tuple[str, ...] = ()
    """Other specs it builds on; they are not read."""


class SpecPrinciple(Section):
    """A principle that the rules follow from."""

    id: Text
    """Identifier, by convention `P-…`."""
    text: Text
    """The principle."""
    rationale: str | None = None
    """Why it holds."""


class SpecConstraints(Section):
    """What a rule demands."""

    must: Texts = ()
    """What is always done."""
    must_not: Texts = ()
    """What is never done."""
    should: Texts = ()
    """What is done unless there is a reason."""
    should_not: Texts = ()
    """What is not done unless there is a reason."""


class SpecExample(Section):
    """A case of a rule kept or broken."""

    kind: Literal["good", "bad"]
    """Whether the response keeps the rule."""
    prompt: Text
    """What is asked."""
    response: Text
    """What is answered."""
    description: str | None = None
    """Why it is good or bad."""


class SpecTest(Section):
    """A check of a rule. Kept as written; proposers are not shown it."""

    id: Text
    """Identifier."""
    challenge: str = ""
    """What is asked."""
    asserts: tuple[str, ...] = ()
    """What must hold of the answer."""
    expected_behavior: str | None = None
    """What the answer should do."""


class SpecRule(Section):
    """One rule."""

    id: Text
    """Identifier, unique in the spec, by convention `R-…`."""
    title: Text
    """The rule in a few words."""
    rationale: str | None = None
    """Why it holds."""
    priority: Annotated[int, Field(strict=True, ge=1, le=10)] = 5
    """Weight from 1 to 10; the highest are shown first."""
    constraints: SpecConstraints = SpecConstraints()
    """What it demands."""
    examples: tuple[SpecExample, ...] = ()
    """Cases of it kept or broken."""
    tests: tuple[SpecTest, ...] = ()
    """Checks of it."""


class SpecTerm(Section):
    """A word of the task's language."""

    term: Text
    """The word."""
    definition: Text
    """What it means."""
    aliases: tuple[str, ...] = ()
    """Other words for it."""


class SystemSpec(Section):
    """A whole spec; it has at least one rule."""

    metadata: SpecMetadata
    """What it is."""
    rules: tuple[SpecRule, ...]
    """The rules, in any order."""
    principles: tuple[SpecPrinciple, ...] = ()
    """What the rules follow from."""
    glossary: tuple[SpecTerm, ...] = ()
    """The task's language."""
    interfaces: dict[str, JsonValue] = Field(default_factory=dict)
    """Capabilities and modes, as written; proposers are not shown them."""
    changelog: tuple[JsonValue, ...] = ()
    """Changes by version, as written."""

    @field_validator("rules")
    @classmethod
    def _refuse_none_and_repeated(cls, rules: tuple[SpecRule, ...]) -> tuple[SpecRule, ...]:
        if not rules:
            raise ValueError("give at least one rule")
        names = [rule.id for rule in rules]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"give each id once, not {', '.join(repeated)} again")
        return rules


def read_spec(path: Path, key: str, problems: Problems) -> SystemSpec | None:
    """The spec in a file; None, with the faults noted under `key`, when it cannot be used."""
    try:
        text = path.read_text("utf-8")
        raw: object = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        problems.add(key, str(path), f"{reason}; give the path of a readable JSON or TOML file")
        return None
    except ValueError as error:
        wanted = "TOML" if path.suffix == ".toml" else "JSON"
        problems.add(key, str(path), f"no valid {wanted}: {error}")
        return None
    if not isinstance(raw, Mapping):
        problems.add(key, str(path), "the spec must be one object with metadata and rules")
        return None
    return build(SystemSpec, Gathered(f"{key} ({path.name}): ", dict(raw)), problems)
