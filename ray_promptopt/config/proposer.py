"""The settings of whoever writes prompts: which flavour, which spec, how long it may write."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ray_promptopt.config.gather import Gathered, Problems, lookup
from ray_promptopt.config.schema_gepa import GepaConfig
from ray_promptopt.config.spec import read_spec
from ray_promptopt.config.spec_text import ranked_rules, spec_text

Flavour = Literal["gepa-ai", "dspy", "synth"]

TEMPLATE_FIELDS = ("<curr_param>", "<side_info>")
"""What a reflection template must have, to be filled with the text and the examples."""

OUTPUT_TOKENS = {"RAPID": 3_000, "FAST": 10_000, "SLOW": 25_000}
"""`proposer_output_tokens`: the most tokens of one answer of the writing model."""

_FLAVOURS: tuple[Flavour, ...] = ("gepa-ai", "dspy", "synth")
_OF_FLAVOUR = {
    "meta_model": "model",
    "meta_provider": "provider",
    "temperature": "temperature",
    "max_tokens": "max_completion_tokens",
}
_OF_GROUNDING = {"temperature": "temperature", "max_tokens": "max_completion_tokens"}
_FLAVOUR_TABLES = {"gepa": "mutation", "mipro": "instructions"}


def flavour_of(proposer_type: object, proposer_mode: object) -> Flavour:
    """`proposer_mode`, else what `proposer_type` names (`spec` writes as `dspy`), else the
    reference's own prompt."""
    for flavour in _FLAVOURS:
        if flavour == proposer_mode or (proposer_mode is None and flavour == proposer_type):
            return flavour
    return "dspy" if proposer_type == "spec" else "gepa-ai"


def apply_to_reflection(model: Gathered, section: Mapping[str, object], algorithm: str) -> None:
    """What the proposer's keys say of the writing model: `mutation.dspy_temperature` outranks
    `mutation.temperature` where the flavour is `dspy`; MIPRO's `grounding` and then
    `proposer_output_tokens` come last."""
    table = _FLAVOUR_TABLES[algorithm]
    mode = section.get("proposer_mode") or lookup(section, f"{table}.proposer_mode")
    flavour = flavour_of(section.get("proposer_type"), mode)
    for name, field in _OF_FLAVOUR.items():
        path = f"{table}.{flavour.replace('-', '_')}_{name}"
        value = lookup(section, path)
        if value is not None:
            model.values[field], model.written[field] = value, path
    for name, field in _OF_GROUNDING.items():
        path = f"grounding.{name}"
        value = lookup(section, path)
        if value is not None and field not in model.values:
            model.values[field], model.written[field] = value, path
    tokens = OUTPUT_TOKENS.get(str(section.get("proposer_output_tokens")))
    if tokens is not None:
        model.values.setdefault("max_completion_tokens", tokens)


def with_proposer(
    gepa: GepaConfig, given: Gathered, folder: Path, problems: Problems
) -> GepaConfig:
    """The section with its spec read; what contradicts itself is noted."""
    _refuse_bad_templates(gepa, given, problems)
    if gepa.proposer_type in ("synth", "gepa-ai") and gepa.proposer_mode not in (
        None,
        gepa.proposer_type,
    ):
        remedy = f"differs from {given.key('proposer_type')}; give one of them"
        problems.add(given.key("proposer_mode"), gepa.proposer_mode, remedy)
    return _with_spec(gepa, given, folder, problems)


def _refuse_bad_templates(gepa: GepaConfig, given: Gathered, problems: Problems) -> None:
    """A template needs both fields; a `mutation.prompt` with neither is guidance."""
    for name in ("reflection_prompt", "mutation_prompt"):
        template = getattr(gepa, name)
        missing = [field for field in TEMPLATE_FIELDS if field not in (template or "")]
        is_guidance = name == "mutation_prompt" and len(missing) == len(TEMPLATE_FIELDS)
        if template is not None and missing and not is_guidance:
            problems.add(given.key(name), template, f"add {' and '.join(missing)}")
    if gepa.reflection_prompt and gepa.mutation_prompt and "<curr_param>" in gepa.mutation_prompt:
        remedy = f"both this and {given.key('reflection_prompt')} are templates; give one of them"
        problems.add(given.key("mutation_prompt"), gepa.mutation_prompt, remedy)


def _with_spec(gepa: GepaConfig, given: Gathered, folder: Path, problems: Problems) -> GepaConfig:
    if gepa.proposer_type != "spec":
        return gepa.model_copy(update={"spec": None})
    if gepa.spec is not None and gepa.spec_path is not None:
        problems.add(given.key("spec_path"), gepa.spec_path, "give either the path or the spec")
        return gepa
    if gepa.spec is None and not gepa.spec_path:
        problems.add("gepa.spec_path", None, 'proposer_type = "spec" needs the path of the spec')
        return gepa
    key = given.key("spec_path")
    spec = gepa.spec or read_spec(folder / str(gepa.spec_path), key, problems)
    if spec is None:
        return gepa
    loaded = gepa.model_copy(update={"spec": spec})
    if not ranked_rules(spec, gepa.spec_priority_threshold):
        highest = max(rule.priority for rule in spec.rules)
        remedy = f"no rule is left: the highest priority in the spec is {highest}"
        problems.add(given.key("spec_priority_threshold"), gepa.spec_priority_threshold, remedy)
    elif not shown_spec(loaded):
        remedy = "not even the spec's first rule fits; raise it"
        problems.add(given.key("spec_max_tokens"), gepa.spec_max_tokens, remedy)
    return loaded


def shown_spec(gepa: GepaConfig) -> str:
    """The part of the spec that proposers are shown; empty without a spec."""
    if gepa.spec is None:
        return ""
    return spec_text(
        gepa.spec,
        max_tokens=gepa.spec_max_tokens,
        include_examples=gepa.spec_include_examples,
        priority_threshold=gepa.spec_priority_threshold,
    )
