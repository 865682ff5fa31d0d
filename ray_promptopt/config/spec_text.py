"""A system spec as text for whoever writes prompts, within a token limit."""

from collections.abc import Sequence

from ray_promptopt.config.spec import SpecRule, SystemSpec
from ray_promptopt.core.tokens import estimate_tokens


def spec_text(
    spec: SystemSpec,
    *,
    max_tokens: int,
    include_examples: bool = True,
    priority_threshold: int | None = None,
) -> str:
    """Rules by falling priority, then principles and glossary; empty when not one rule fits.

    Over the limit the examples go first, then glossary and principles, then the rules of the
    lowest priority.
    """
    rules = ranked_rules(spec, priority_threshold)
    extras = [_principles(spec), _glossary(spec)]
    attempts = [(rules, include_examples, extras), (rules, False, extras), (rules, False, [])]
    attempts += [(rules[:count], False, []) for count in range(len(rules) - 1, 0, -1)]
    for shown, with_examples, more in attempts:
        text = _text(spec, shown, with_examples, more)
        if shown and estimate_tokens(text) <= max_tokens:
            return text
    return ""


def ranked_rules(spec: SystemSpec, priority_threshold: int | None) -> list[SpecRule]:
    """The rules from the threshold on, the highest priority first."""
    kept = [rule for rule in spec.rules if rule.priority >= (priority_threshold or 0)]
    return sorted(kept, key=lambda rule: -rule.priority)


def _text(
    spec: SystemSpec, rules: Sequence[SpecRule], with_examples: bool, more: Sequence[str]
) -> str:
    head = f"# {spec.metadata.title}"
    if spec.metadata.description:
        head += f"\n{spec.metadata.description}"
    parts = [head, *(_rule(rule, with_examples) for rule in rules), *more]
    return "\n\n".join(part for part in parts if part)


def _rule(rule: SpecRule, with_examples: bool) -> str:
    lines = [f"## {rule.title} ({rule.id}, priority {rule.priority})"]
    if rule.rationale:
        lines.append(f"Why: {rule.rationale}")
    demands = rule.constraints
    lines += [f"- must: {text}" for text in demands.must]
    lines += [f"- must not: {text}" for text in demands.must_not]
    lines += [f"- should: {text}" for text in demands.should]
    lines += [f"- should not: {text}" for text in demands.should_not]
    if with_examples:
        for example in rule.examples:
            why = f" ({example.description})" if example.description else ""
            lines.append(f"- {example.kind} answer to «{example.prompt}»: {example.response}{why}")
    return "\n".join(lines)


def _principles(spec: SystemSpec) -> str:
    lines = [
        f"- {principle.text}" + (f" Why: {principle.rationale}" if principle.rationale else "")
        for principle in spec.principles
    ]
    return "\n".join(["## Principles", *lines]) if lines else ""


def _glossary(spec: SystemSpec) -> str:
    lines = []
    for term in spec.glossary:
        aliases = f" (also: {', '.join(term.aliases)})" if term.aliases else ""
        lines.append(f"- {term.term}{aliases}: {term.definition}")
    return "\n".join(["## Glossary", *lines]) if lines else ""
