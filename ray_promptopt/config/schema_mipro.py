"""The typed `[mipro]` section. Seeds, models and limits stand in `RunConfig`."""

from typing import Literal

from pydantic import Field, JsonValue

from ray_promptopt.config.base import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Rate,
    Section,
)
from ray_promptopt.config.mipro_sizes import AutoSize
from ray_promptopt.config.spec import SystemSpec


class StageMessage(Section):
    """One message of a stage's baseline."""

    role: str
    """The message's role: system, user or assistant."""
    content: str
    """The message's text."""


class MiproStage(Section):
    """One call of the pipeline, with its own instruction and demonstrations."""

    stage_id: str = Field(min_length=1)
    """Name of the stage, unique over all modules."""
    baseline_instruction: str
    """The instruction the search begins with."""
    baseline_messages: tuple[StageMessage, ...] = ()
    """The messages the task app sends for this stage."""
    max_instruction_slots: PositiveInt | None = None
    """The most instructions tried at once, at most `max_instruction_sets`."""
    max_demo_slots: NonNegativeInt | None = None
    """The most demonstrations used at once, at most `max_demo_sets`."""
    policy: dict[str, JsonValue] | None = None
    """Read, without effect: every stage is answered by the run's policy model."""


class MiproEdge(Section):
    """Stage `source` feeds stage `target`."""

    source: str
    """Name of the stage whose output is used."""
    target: str
    """Name of the stage that uses it."""


class MiproModule(Section):
    """A group of stages."""

    module_id: str = Field(min_length=1)
    """Name of the module, unique."""
    stages: tuple[MiproStage, ...] = ()
    """The module's stages in order."""
    edges: tuple[MiproEdge, ...] = ()
    """Which stage feeds which; empty: in order."""
    max_instruction_slots: PositiveInt | None = None
    """Limit for all stages of the module that name none."""
    max_demo_slots: NonNegativeInt | None = None
    """Limit for all stages of the module that name none."""


class TpeConfig(Section):
    """The tree-structured Parzen estimator (`[mipro.tpe]`)."""

    gamma: Rate = 0.25
    """Share of the trials that count as good."""
    n_candidates: PositiveInt = 24
    """Points drawn per suggestion."""
    n_startup_trials: PositiveInt = 10
    """Random trials before the estimator is used."""
    epsilon: Rate = 0.1
    """Chance of a uniformly drawn point."""
    alpha: NonNegativeFloat = 1.0
    """Read, without effect: see `prior_weight`."""
    categorical_alpha: NonNegativeFloat = 1.0
    """Read, without effect: see `prior_weight`."""
    prior_weight: NonNegativeFloat = 1.0
    """Weight of the prior against the observations."""


class DemoConfig(Section):
    """How demonstration sets are made (`[mipro.demo]`)."""

    max_few_shot_examples: NonNegativeInt = 4
    """The most demonstrations in one set."""
    sets_per_size: PositiveInt = 3
    """Sets made of every size."""
    include_empty: bool = True
    """Whether the empty set is a choice."""
    placement: Literal["text", "messages"] | None = None
    """Where demonstrations stand: at the end of the prompt's text, or as turns of the conversation
    (a user's and an assistant's each) behind the instructions; None: text in pattern form, else
    messages."""


class GroundingConfig(Section):
    """How the first instructions are written (`[mipro.grounding]`)."""

    n: PositiveInt = 10
    """Instructions written per stage."""
    temperature: NonNegativeFloat | None = None
    """The meta model's sampling temperature where `meta_model_temperature` is not given."""
    max_tokens: PositiveInt | None = None
    """The most tokens of its answers where `meta_model_max_tokens` is not given."""


class MetaUpdateConfig(Section):
    """How instructions are renewed from trials (`[mipro.meta_update]`)."""

    enabled: bool = False
    """Whether instructions are renewed; a given table without it means yes."""
    every_iterations: PositiveInt = 3
    """Iterations between renewals."""
    topk_success: NonNegativeInt = 3
    """Best trials that are shown."""
    topk_failure: NonNegativeInt = 3
    """Worst trials that are shown."""
    validate_on_batch: PositiveInt = 16
    """Read, without effect: trials score new instructions like all others."""
    keep_k: int = Field(default=8, strict=True, ge=2)
    """Instructions kept per stage; the baseline's is always one of them."""
    dedup_token_overlap: Rate = 0.8
    """Share of common tokens from which on two instructions are the same."""
    regen_temperature_decay: Rate = 0.95
    """Read, without effect: the angles differ from renewal to renewal, the temperature does not."""


class MiproConfig(Section):
    """Everything MIPRO is told, apart from seeds, models and limits."""

    auto: AutoSize | None = None
    """Size of the search, from which every size that is not given follows; None: as given."""
    num_iterations: PositiveInt = 20
    """Rounds of the search."""
    num_evaluations_per_iteration: PositiveInt = 5
    """Trials per round."""
    batch_size: PositiveInt = 32
    """Validation seeds a trial is scored on."""
    few_shot_score_threshold: Rate = 0.8
    """Score from which on a rollout may become a demonstration."""
    min_bootstrap_demos: NonNegativeInt = 0
    """Demonstrations without which the run ends; at most the number of training seeds."""
    strict_bootstrap: bool = False
    """Read, without effect: too few demonstrations always end the run, see the key above."""
    max_demo_set_size: PositiveInt | None = None
    """The most demonstrations in one set; None: `demo.max_few_shot_examples`."""
    max_demo_sets: PositiveInt = 128
    """The most demonstration sets per stage."""
    max_instruction_sets: PositiveInt = 128
    """The most instructions per stage."""
    full_eval_every_k: PositiveInt = 5
    """Trials between full evaluations."""
    instructions_per_batch: PositiveInt | None = None
    """Read, without effect: each instruction is asked for in a call of its own."""
    max_instructions: PositiveInt | None = None
    """Instructions per stage in all; None: `grounding.n`."""
    duplicate_retry_limit: PositiveInt = 10
    """Read, without effect: a combination is never drawn twice."""
    generate_at_iterations: tuple[NonNegativeInt, ...] = ()
    """Iterations after which new instructions are written, instead of every
    `meta_update.every_iterations`; 0 stands for the first ones."""
    metaprompt: str | None = None
    """Free text of guidance for the meta model; None: none."""
    proposer_mode: Literal["dspy", "synth", "gepa-ai"] | None = None
    """Which of the flavours' models in `[mipro.instructions]` is the meta model."""
    proposer_effort: Literal["LOW_CONTEXT", "LOW", "MEDIUM", "HIGH"] = "LOW"
    """How much context the proposer is given."""
    proposer_output_tokens: Literal["RAPID", "FAST", "SLOW"] = "FAST"
    """How long the proposer may write: 3,000, 10,000 or 25,000 tokens."""
    proposer_settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings of single proposer flavours (`instructions.dspy_*`, …), as written."""
    spec_path: str | None = None
    """Path of the system spec that proposals are grounded in."""
    spec: SystemSpec | None = None
    """The spec itself, read from `spec_path`; or given here instead of a path."""
    spec_max_tokens: PositiveInt = 5000
    """The most tokens of the spec that are shown."""
    spec_include_examples: bool = True
    """Whether the spec's examples are shown."""
    spec_priority_threshold: NonNegativeInt | None = None
    """Rules below this priority are left out; None: all are shown."""
    modules: tuple[MiproModule, ...] = ()
    """The stages of the pipeline; empty for a single prompt."""
    tpe: TpeConfig = TpeConfig()
    """The sampler."""
    demo: DemoConfig = DemoConfig()
    """Demonstration sets."""
    grounding: GroundingConfig = GroundingConfig()
    """First instructions."""
    meta_update: MetaUpdateConfig = MetaUpdateConfig()
    """Renewal of instructions."""
    validation_top_k: PositiveInt | None = None
    """How many of the best candidates are scored on the test seeds; None: the best alone."""
    max_token_limit: PositiveInt | None = None
    """Tokens of the run in all, a limit when `enforce_token_limit`; None: no limit."""
    token_counting_model: str = "gpt-4"
    """Read, without effect: tokens are counted by the provider."""
    enforce_token_limit: bool = True
    """Whether the run ends at `max_token_limit`."""
    max_total_tokens: PositiveInt | None = None
    """Tokens after which the search ends, as in `limits.max_tokens`; None: no limit."""
    max_spend_usd: PositiveFloat | None = None
    """USD after which the search ends, as in `limits.max_cost_usd`; None: no limit."""
    max_wall_clock_seconds: PositiveFloat | None = None
    """Seconds after which the search ends, as in `limits.max_seconds`; None: no limit."""
    results_file: str | None = None
    """Read, without effect: results are written to the results folder."""
