"""`RunConfig`: everything one run is told, resolved and frozen. The loader makes it from TOML."""

from typing import Literal

from pydantic import Field, JsonValue, SecretStr, field_serializer

from ray_promptopt.config.base import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Rate,
    Section,
)
from ray_promptopt.config.schema_gepa import GepaConfig
from ray_promptopt.config.schema_mipro import MiproConfig

HIDDEN = "***"
"""What stands for a secret in a dump."""


class TaskAppConfigRef(Section):
    """Which task app is optimised and the key it wants."""

    url: str | None = None
    """Base URL (http or https); None: the run starts the example task app that `id` names."""
    id: str | None = None
    """Name of the task app; `intents` and `banking77` ship with the package."""
    api_key: SecretStr = SecretStr("")
    """The task app's ENVIRONMENT_API_KEY; empty when none is wanted."""

    @field_serializer("api_key")
    def _hide(self, value: SecretStr) -> str:
        return HIDDEN if value.get_secret_value() else ""


class PromptMessage(Section):
    """One message of the baseline prompt."""

    role: str
    """The message's role: system, user or assistant."""
    pattern: str
    """Text with `{name}` wildcards that the task app fills in."""
    order: int = Field(default=0, strict=True)
    """Place among the messages, ascending."""


class PromptSection(Section):
    """One section of a prompt in template form: a component of its own."""

    name: str = Field(min_length=1, pattern=r"^[^.]+$")
    """Name of the section, without a dot."""
    role: str = "system"
    """Role of the message it stands in."""
    content: str = Field(min_length=1)
    """Its text as the task app sends it; `{name}` is a wildcard."""
    order: int = 0
    """Place among the sections, ascending."""


class ReplacedText(Section):
    """One text of the task app's messages that the search may replace (transformation form)."""

    old_text: str = Field(min_length=1)
    """The text as the task app sends it; `{name}` is a wildcard."""
    apply_to_role: str = "system"
    """Role of the messages it is looked for in."""
    position: NonNegativeInt | None = None
    """Number of the only message it is looked for in, from 0; None: any."""
    name: str = Field(default="", pattern=r"^[^.]*$")
    """What the component is called, without a dot; empty: by role and number."""


class PipelineModule(Section):
    """A stage of a pipeline, as the baseline prompt declares it."""

    name: str = Field(min_length=1)
    """Name of the stage."""
    instruction: str = ""
    """The stage's baseline instruction; empty: it is learned."""
    few_shots: tuple[JsonValue, ...] = ()
    """The stage's own demonstrations, as written."""


class InitialPrompt(Section):
    """The baseline. Empty messages mean that it is learned from the task app's requests."""

    id: str = ""
    """Identifier of the prompt."""
    name: str = ""
    """Name of the prompt, for people."""
    form: Literal["pattern", "template", "transformation"] = "pattern"
    """What a candidate replaces: the instructions, each message whole; named sections of messages
    of any role; or texts wherever they stand. Unless given, the one that `sections` or
    `text_replacements` is of."""
    messages: tuple[PromptMessage, ...] = ()
    """The messages in order."""
    sections: tuple[PromptSection, ...] = ()
    """The sections of a template; none: every message with static text."""
    text_replacements: tuple[ReplacedText, ...] = ()
    """The texts that a transformation replaces; none: all static text of the instructions."""
    wildcards: dict[str, str] = Field(default_factory=dict)
    """Wildcard name to REQUIRED or OPTIONAL."""
    pipeline_modules: tuple[PipelineModule, ...] = ()
    """The stages of a pipeline; empty for a single prompt."""


class ModelName(Section):
    """What the config calls a model, where that is an alias."""

    provider: str
    """As written."""
    model: str
    """The alias."""


class ModelAlias(Section):
    """The model that an alias stands for."""

    provider: str
    """openai, groq, google, embedded or openai_compatible."""
    model: str
    """As written."""
    base_url: str | None = None
    """URL up to and without `/chat/completions`; None: the provider's own."""


class ModelRef(Section):
    """A model, by the name its provider's API knows."""

    provider: str
    """openai, groq, google, embedded or openai_compatible."""
    model: str
    """The name that is sent to the provider."""
    base_url: str | None = None
    """URL up to and without `/chat/completions`; None: the provider's own."""
    temperature: NonNegativeFloat | None = None
    """Sampling temperature; None: what the request or the provider says."""
    max_completion_tokens: PositiveInt | None = None
    """The most tokens of an answer; None: what the request or the provider says."""
    named: ModelName | None = None
    """What task apps and callers know it as; None: as what it is."""


class Splits(Section):
    """Seeds (row indices of the task app's data) by use, and the data splits they count in."""

    train: tuple[NonNegativeInt, ...]
    """Seeds for minibatches and demonstrations."""
    validation: tuple[NonNegativeInt, ...]
    """Seeds candidates are chosen by."""
    test: tuple[NonNegativeInt, ...] = ()
    """Seeds of the final report."""
    reference: tuple[NonNegativeInt, ...] = ()
    """Seeds of the corpus that the meta model reads."""
    train_split: str | None = None
    """Data split of the training and reference seeds; None: the task app's own."""
    validation_split: str | None = None
    """Data split of the validation seeds; None: the task app's own."""
    test_split: str | None = None
    """Data split of the test seeds; None: the task app's own."""


class Limits(Section):
    """When the search ends at the latest. Rollouts on test seeds come on top; their tokens and USD
    are kept aside, at most half of a limit."""

    max_rollouts: PositiveInt
    """Rollouts."""
    max_tokens: PositiveInt | None = None
    """Tokens of all models together; None: no limit."""
    max_cost_usd: PositiveFloat | None = None
    """USD of all models together; None: no limit."""
    max_category_costs_usd: dict[Literal["rollout", "mutation"], PositiveFloat] = Field(
        default_factory=dict
    )
    """USD of the policy model (`rollout`) and of the reflection model (`mutation`) by themselves;
    a name left out: no limit."""
    max_seconds: PositiveFloat | None = None
    """Seconds of wall clock, pauses left out; None: no limit."""
    max_trials: PositiveInt | None = None
    """Proposals (GEPA) or trials (MIPRO); None: no limit."""
    max_trials_without_improvement: PositiveInt | None = None
    """Proposals or trials in a row without a new best; None: no limit."""


class GatewayConfig(Section):
    """Where the gateway listens."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port to listen on; 0: any free one."""
    public_url: str | None = None
    """URL at which the task app reaches the gateway; None: the one it listens on."""
    response_cache: bool = Field(default=False, strict=True)
    """Answer a request that the run made before as it was answered then, if its temperature is 0 or
    it has a seed. A hit costs nothing and is noted in its trace."""


class ExecutionConfig(Section):
    """How rollouts are carried out."""

    task_app_timeout_s: PositiveFloat = 120.0
    """Seconds one rollout may take."""
    max_attempts: PositiveInt = 4
    """Tries per rollout, the first included."""
    num_workers: PositiveInt | None = None
    """Rollout workers; None: as the cluster's size suggests."""


class EmbeddedOptions(Section):
    """How the embedded models behave."""

    policy_latency_s: NonNegativeFloat = 0.0
    """Median seconds of a policy answer."""
    reflection_latency_s: NonNegativeFloat = 0.0
    """Median seconds of a reflection."""
    latency_sigma: NonNegativeFloat = 0.3
    """Spread of the log-normal latency (standard deviation of the logarithm)."""
    error_rate: Rate = 0.0
    """Share of requests answered with a server error."""
    rate_limit_rate: Rate = 0.0
    """Share of requests answered with 429."""
    seed: int = Field(default=0, strict=True)
    """Seed of latency and faults."""


class Price(Section):
    """What a model costs; it outranks every price list."""

    input: NonNegativeFloat
    """USD per million input tokens."""
    output: NonNegativeFloat
    """USD per million output tokens."""
    cached_input: NonNegativeFloat | None = None
    """USD per million input tokens read from a cache; None: as `input`."""


class RunConfig(Section):
    """One optimisation run, complete and checked."""

    algorithm: Literal["gepa", "mipro"]
    """The search."""
    task_app: TaskAppConfigRef
    """What is optimised."""
    env_name: str = ""
    """Environment name sent with every rollout; empty: the task app's own."""
    env_config: dict[str, JsonValue] = Field(default_factory=dict)
    """Environment settings sent with every rollout, as written."""
    initial_prompt: InitialPrompt = InitialPrompt()
    """The baseline prompt."""
    policy: ModelRef
    """The model that answers inside the task."""
    policy_fallbacks: tuple[ModelRef, ...] = ()
    """Models that are asked, in order, when the policy model is overloaded, out of reach or quota,
    or retired; which one answered is noted in the trace, and its own price is charged."""
    reflection: ModelRef
    """The model that writes prompts: GEPA's mutation model, MIPRO's meta model."""
    gepa: GepaConfig | None = None
    """Settings of GEPA; None for MIPRO."""
    mipro: MiproConfig | None = None
    """Settings of MIPRO; None for GEPA."""
    splits: Splits
    """The seeds."""
    limits: Limits
    """When the search ends."""
    max_concurrent: PositiveInt = 20
    """Rollouts in flight at once."""
    gateway: GatewayConfig = GatewayConfig()
    """Where the gateway listens."""
    execution: ExecutionConfig = ExecutionConfig()
    """How rollouts are carried out."""
    embedded: EmbeddedOptions = EmbeddedOptions()
    """How the embedded models behave."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """Model name to price, above every price list."""
    model_aliases: dict[str, ModelAlias] = Field(default_factory=dict)
    """Name that a model of this config may be called by to the model that answers."""
    results_folder: str | None = None
    """Folder results are written to; None: the default."""
    rng_seed: int = Field(default=0, strict=True)
    """Seed that every random stream derives from."""
    display: dict[str, JsonValue] = Field(default_factory=dict)
    """Read, without effect, as written: the command line shows all."""
    pass_through: dict[str, JsonValue] = Field(default_factory=dict)
    """Known tables that have no effect here (judge, proxy models, adaptive pools), as written."""
    warnings: tuple[str, ...] = ()
    """What the user should know before the run starts."""
