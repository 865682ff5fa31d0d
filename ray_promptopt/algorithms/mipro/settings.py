"""What a MIPRO run is made with. Plain values, so that the search knows nothing of config files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ray_promptopt.algorithms.mipro.tpe import TpeSettings
from ray_promptopt.core.errors import ConfigError, ConfigProblem

Schedule = Literal["async", "reference"]


@dataclass(frozen=True, slots=True)
class StageLimits:
    """What one stage of a pipeline may have; None: as the settings say for all."""

    instructions: int | None = None
    """Instructions per component, the baseline included."""
    demos: int | None = None
    """Demonstrations in the largest set."""


@dataclass(frozen=True, slots=True)
class GroundingSettings:
    """What the meta model is shown besides the current text and the examples."""

    program: str = ""
    """Source of the program under optimisation; empty: unknown."""
    spec: str = ""
    """Rules of a system spec, rendered within their token limit; empty: none."""
    guidance: str = ""
    """Free text for whoever writes the prompts (`metaprompt`); empty: none."""
    reference: tuple[str, ...] = ()
    """Texts of the reference corpus, disjoint from every other pool."""
    max_reference_tokens: int = 50_000
    """The most tokens of the corpus shown at once; a sample is drawn to fit."""
    max_example_tokens: int = 4_000
    """The most tokens of examples with feedback shown at once."""
    max_program_tokens: int = 1_000
    """The most tokens of the program's source."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Stage to what it does in its pipeline, in words."""


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """How instructions are renewed from what the trials found (`meta_update`)."""

    enabled: bool = True
    """Whether instructions are renewed at all."""
    every_trials: int = 6
    """Trials between renewals."""
    at_trials: tuple[int, ...] = ()
    """Numbers of trials after which instructions are renewed, instead of every so many."""
    num_new: int = 3
    """Instructions written per component at each renewal."""
    topk_success: int = 3
    """Best instructions whose scores are shown."""
    topk_failure: int = 3
    """Worst instructions whose scores are shown."""
    keep_k: int = 8
    """Instructions kept per component; the baseline is always one of them."""
    max_overlap: float = 0.8
    """Share of common changes to the baseline from which on two instructions are the same."""


@dataclass(frozen=True, slots=True)
class MiproSettings:
    """Settings of both schedules. Raises ConfigError with every problem found."""

    train: tuple[int, ...]
    """Seeds whose rollouts give demonstrations and examples for the meta model."""
    validation: tuple[int, ...]
    """Seeds that trials are scored on."""
    rollout_budget: int
    """The most rollouts the search may use."""
    schedule: Schedule = "async"
    """`reference`: one trial at a time, without early ends."""
    batch_size: int = 6
    """Validation seeds that a trial is scored on."""
    full_eval_every: int = 5
    """Trials between evaluations that extend the best combination."""
    num_instructions: int = 6
    """Instructions per component to begin with, the baseline included; 1: demonstrations alone."""
    max_demos: int = 4
    """Demonstrations in the largest set; 0: instructions alone."""
    demo_sets_per_size: int = 1
    """Demo sets made of every size."""
    max_demo_sets: int = 128
    """Demo sets per stage in all."""
    include_empty: bool = True
    """Whether having no demonstrations is a choice; it always is where there are none."""
    score_threshold: float = 0.8
    """Score from which on a rollout may become a demonstration."""
    min_bootstrap_demos: int = 0
    """Demonstrations without which the search ends."""
    stage_limits: Mapping[str, StageLimits] = field(default_factory=dict)
    """Stage to its own limits."""
    demos_in_text: bool = False
    """Whether demonstrations become the end of the text of their stage's last component, as a
    block, instead of standing beside the texts."""
    max_trials: int | None = None
    """End after this many trials; None: when the budget ends."""
    patience: int | None = None
    """End after this many trials in a row without a new best; None: never."""
    max_concurrent: int = 20
    """Rollouts in flight at once; the number of trials that run at once follows from it."""
    top_k: int = 1
    """How many of the best combinations the search answers with."""
    rng_seed: int = 0
    """Every random stream derives from it."""
    tpe: TpeSettings = field(default_factory=TpeSettings)
    """The sampler."""
    grounding: GroundingSettings = field(default_factory=GroundingSettings)
    """What proposals are grounded in."""
    update: UpdateSettings = field(default_factory=UpdateSettings)
    """Renewal of instructions."""

    def __post_init__(self) -> None:
        problems = (*_seed_problems(self), *_range_problems(self))
        if problems:
            raise ConfigError("MIPRO settings", problems)

    @property
    def batch(self) -> int:
        """Validation seeds per trial: no more than there are."""
        return min(self.batch_size, len(self.validation))

    def instructions_of(self, stage: str) -> int:
        """The most instructions of a component of this stage, to begin with."""
        limit = self.stage_limits.get(stage, StageLimits()).instructions
        return self.num_instructions if limit is None else min(self.num_instructions, limit)

    def kept_of(self, stage: str) -> int:
        """The most instructions of a component of this stage that trials may use."""
        limit = self.stage_limits.get(stage, StageLimits()).instructions
        return self.update.keep_k if limit is None else min(self.update.keep_k, max(2, limit))

    def demos_of(self, stage: str) -> int:
        """The most demonstrations in one set of this stage."""
        limit = self.stage_limits.get(stage, StageLimits()).demos
        return self.max_demos if limit is None else min(self.max_demos, limit)

    @property
    def num_bootstrap(self) -> int:
        """Training rollouts of the baseline: at most an eighth of the budget."""
        return min(len(self.train), max(1, self.rollout_budget // 8))

    @property
    def is_reference(self) -> bool:
        """Whether to do as the reference does."""
        return self.schedule == "reference"


def _seed_problems(settings: MiproSettings) -> list[ConfigProblem]:
    problems = []
    for key, seeds in (("train", settings.train), ("validation", settings.validation)):
        if not seeds:
            problems.append(ConfigProblem(key, "[]", "give at least one seed"))
        repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
        if repeated:
            problems.append(ConfigProblem(key, str(repeated), "name each seed once"))
    return problems


def _range_problems(settings: MiproSettings) -> list[ConfigProblem]:
    update = settings.update
    lowest: list[tuple[str, int | None, int]] = [
        ("rollout_budget", settings.rollout_budget, 1),
        ("batch_size", settings.batch_size, 1),
        ("full_eval_every", settings.full_eval_every, 1),
        ("num_instructions", settings.num_instructions, 1),
        ("max_demos", settings.max_demos, 0),
        ("max_demo_sets", settings.max_demo_sets, 1),
        ("demo_sets_per_size", settings.demo_sets_per_size, 1),
        ("min_bootstrap_demos", settings.min_bootstrap_demos, 0),
        ("max_trials", settings.max_trials, 0),
        ("patience", settings.patience, 1),
        ("max_concurrent", settings.max_concurrent, 1),
        ("top_k", settings.top_k, 1),
        ("update.every_trials", update.every_trials, 1),
        ("update.num_new", update.num_new, 1),
        ("update.keep_k", update.keep_k, 2),
    ]
    problems = [
        ConfigProblem(key, str(value), f"must be at least {least}")
        for key, value, least in lowest
        if value is not None and value < least
    ]
    return problems
