"""From a config to what the proposers are made with."""

from ray_promptopt.algorithms.gepa.proposers import ProposerSettings
from ray_promptopt.config.proposer import TEMPLATE_FIELDS, flavour_of, shown_spec
from ray_promptopt.config.schema import InitialPrompt
from ray_promptopt.config.schema_gepa import GepaConfig


def proposer_settings(gepa: GepaConfig, program: str, prompt: InitialPrompt) -> ProposerSettings:
    """What the reflection model is shown; `program` is the source under optimisation, if known."""
    own = gepa.mutation_prompt
    is_template = own is not None and all(field in own for field in TEMPLATE_FIELDS)
    guidance = [gepa.metaprompt, None if is_template else own]
    return ProposerSettings(
        flavour=flavour_of(gepa.proposer_type, gepa.proposer_mode),
        template=own if is_template else gepa.reflection_prompt,
        guidance="\n\n".join(text for text in guidance if text),
        spec=shown_spec(gepa),
        program=program,
        effort=gepa.proposer_effort or "MEDIUM",
        max_prompt_tokens=_max_prompt_tokens(gepa, prompt),
    )


def _max_prompt_tokens(gepa: GepaConfig, prompt: InitialPrompt) -> int | None:
    """The least of the prompt's limit, where it is enforced, and the stage's own."""
    stages = {stage.name for stage in prompt.pipeline_modules}
    limits = [module.max_tokens for module in gepa.modules if module.module_id in stages]
    if gepa.enforce_pattern_token_limit:
        limits.append(gepa.max_token_limit)
    return min((limit for limit in limits if limit is not None), default=None)
