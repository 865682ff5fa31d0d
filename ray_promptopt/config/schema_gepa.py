"""The typed `[gepa]` section. Fields bear the flat names; `keys.py` maps the TOML onto them."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from ray_promptopt.config.base import NonNegativeInt, PositiveFloat, PositiveInt, Rate, Section
from ray_promptopt.config.spec import SystemSpec


class GepaModule(Section):
    """How one stage of a pipeline may be rewritten."""

    module_id: str = Field(min_length=1)
    """The stage's name, as in `initial_prompt.metadata.pipeline_modules`."""
    max_instruction_slots: PositiveInt = 3
    """Read, without effect: GEPA keeps every candidate that counts, see `archive.size`."""
    allowed_tools: tuple[str, ...] | None = None
    """Read, without effect: tools are the application's own and pass through unchanged."""
    max_tokens: PositiveInt | None = None
    """The most tokens of the stage's prompt; None: no limit."""
    policy: dict[str, JsonValue] | None = None
    """Read, without effect: every stage is answered by the run's policy model."""


class GepaConfig(Section):
    """Everything GEPA is told, apart from seeds, models and limits, which all algorithms share."""

    schedule: Literal["async", "reference"] = "async"
    """How proposals follow each other: in lanes that run side by side, or one at a time, exactly
    as in arXiv 2507.19457."""
    racing: bool = True
    """`async`: whether a validation ends early when the candidate is clearly worse."""
    minibatch_size: PositiveInt = 8
    """Training examples a parent and its child are compared on."""
    front_type: Literal["instance", "objective", "hybrid", "cartesian"] = "instance"
    """Which fronts are kept: per validation seed by reward, per objective by its mean, both, or
    per pair of seed and objective."""
    objectives: tuple[Literal["reward", "prompt_tokens", "cost", "latency"], ...] = ("reward",)
    """What prompts are measured on; several make the answer a set that trades them off."""
    candidate_selector: Literal["pareto", "current_best", "epsilon_greedy", "top_k_pareto"] = (
        "pareto"
    )
    """How the parent of a mutation is chosen."""
    epsilon: Rate = 0.1
    """`epsilon_greedy`: the chance of a uniformly drawn parent."""
    top_k: PositiveInt = 5
    """`top_k_pareto`: how many of the best candidates may be parents."""
    component_selector: Literal["round_robin", "all"] = "round_robin"
    """Which components one mutation rewrites."""
    merge: bool = False
    """Whether lineages are crossed; on when a `crossover_rate` above 0 is given."""
    max_merges: NonNegativeInt = 5
    """The most merged candidates that may join the population."""
    patience: PositiveInt | None = None
    """Proposals without a new best after which the search ends; None: never."""
    num_variants: NonNegativeInt = 0
    """`async`: versions of the initial prompt tried first; an `initial_size` fixes it, as far as
    a quarter of the rollouts pays for their minibatches."""
    max_proposals: PositiveInt | None = None
    """Proposals after which the search ends; None: no limit."""
    reflection_prompt: str | None = None
    """Template of the reflection prompt with `<curr_param>` and `<side_info>`; None: built in."""
    metaprompt: str | None = None
    """Free text of guidance for whoever writes the prompts; None: none."""
    mutation_prompt: str | None = None
    """`mutation.prompt`: a template as `reflection_prompt`, or, without its fields, guidance."""
    proposer_type: Literal["dspy", "spec", "synth", "gepa-ai"] | None = None
    """Flavour of the proposer, or `spec`: proposals also keep to a system spec; None: gepa-ai."""
    proposer_mode: Literal["dspy", "synth", "gepa-ai"] | None = None
    """Flavour of the proposer; it outranks `proposer_type`."""
    proposer_effort: Literal["LOW_CONTEXT", "LOW", "MEDIUM", "HIGH"] | None = None
    """How much the proposer is shown: 1,000, 4,000, 10,000 or 30,000 tokens of evidence, and in
    proportion rejected edits and program source; None: MEDIUM."""
    proposer_output_tokens: Literal["RAPID", "FAST", "SLOW"] | None = None
    """The most tokens of a proposal: 3,000, 10,000 or 25,000; None: what the model allows. A limit
    given for the mutation model counts instead."""
    proposer_settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings of single proposer flavours (`mutation.dspy_*`, …), as written; those of the flavour
    in use are in the reflection model already."""
    spec_path: str | None = None
    """Path of the system spec, relative to the config file, for `proposer_type = "spec"`."""
    spec: SystemSpec | None = None
    """The system spec itself: read from `spec_path`, or given as a table."""
    spec_max_tokens: PositiveInt = 5000
    """The most tokens of the spec that are shown."""
    spec_include_examples: bool = True
    """Whether the spec's examples are shown."""
    spec_priority_threshold: NonNegativeInt | None = None
    """Rules below this priority are left out; None: all are shown."""
    modules: tuple[GepaModule, ...] = ()
    """The stages of a pipeline; empty for a single prompt."""
    mutation_rate: Rate = 0.3
    """Read, without effect: every child that is not a merge is a mutation."""
    initial_population_size: PositiveInt = 20
    """Given, the initial prompt and so many versions of it less one are tried first."""
    num_generations: PositiveInt = 10
    """Generations; this or the next given, their product, and the first variants, fix
    `max_proposals`."""
    children_per_generation: PositiveInt = 5
    """Proposals that count as one generation."""
    crossover_rate: Rate = 0.5
    """`async`: the most of all landings that cross two lineages. Given above 0, it switches
    merging on."""
    selection_pressure: Annotated[float, Field(ge=1)] = 1.0
    """Sharpness of the choice of parents: the power of the number of fronts; 1 is proportional."""
    patience_generations: PositiveInt = 3
    """Generations without a new best; given, it fixes `patience`."""
    archive_size: PositiveInt | None = None
    """Candidates that may be parents, survivors of the fronts first; None: all."""
    archive_min_score: float | None = None
    """Candidates that score less on validation are no parents, the best apart; None: any may."""
    pareto_set_size: PositiveInt = 64
    """Training seeds set aside for validation when no validation seeds are given."""
    pareto_eps: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Values within this of the best of a front tie with it; None: 1e-6, and exact ties alone for
    the schedule `reference`."""
    feedback_fraction: Rate = 0.5
    """Given, without validation seeds and `pareto_set_size`: the share of the training seeds that
    minibatches are drawn from; the rest are set aside for validation."""
    max_token_limit: PositiveInt | None = None
    """The most tokens of one prompt; None: no limit."""
    token_counting_model: str = "gpt-4"
    """Read, without effect: tokens of prompts are estimated, four characters to one."""
    enforce_pattern_token_limit: bool = True
    """Whether prompts above `max_token_limit` are refused."""
    validation_top_k: PositiveInt | None = None
    """How many of the best candidates are scored on the test seeds, beside the baseline; None: the
    best alone."""
    max_spend_usd: PositiveFloat | None = None
    """USD after which the search ends, as in `limits.max_cost_usd`; None: no limit."""
